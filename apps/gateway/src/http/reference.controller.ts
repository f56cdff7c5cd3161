import { Controller, Get, Header, Inject, Param, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { allContracts, dataSchemaOf } from '@warren/contracts';
import { SERVICE_CONFIG } from '@warren/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config.ts';
import { JWKS_MAX_AGE_SECONDS } from '../credentials/key-rotation.ts';
import { SigningKeys } from '../credentials/signing-keys.ts';
import { ApiProblems } from './api-problems.ts';
import { Problem } from './problem.ts';
import { problemPage, problemsPage } from './problem-pages.ts';
import { PROBLEM_TYPES, problemUrl, type ProblemName } from './problem-types.ts';
import { wantsHtml } from './wants-html.ts';

/** What one needs to know to use the API; readable by everybody. */
@ApiTags('Reference')
@Controller()
export class ReferenceController {
  readonly #schemaBaseUrl: string;

  constructor(
    private readonly keys: SigningKeys,
    @Inject(SERVICE_CONFIG) config: GatewayConfig,
  ) {
    this.#schemaBaseUrl = config.WARREN_SCHEMA_BASE_URL.replace(/\/$/, '');
  }

  @Get('.well-known/jwks.json')
  @Header('cache-control', `public, max-age=${JWKS_MAX_AGE_SECONDS}`)
  @ApiOperation({
    summary: 'The keys that verify access tokens',
    description: 'A JSON Web Key Set (RFC 7517).',
  })
  @ApiOkResponse({
    schema: {
      type: 'object',
      required: ['keys'],
      properties: { keys: { type: 'array', items: { type: 'object' } } },
    },
  })
  jwks(): object {
    return this.keys.publicJwks();
  }

  @Get('schemas/:type.json')
  @Header('content-type', 'application/schema+json; charset=utf-8')
  @Header('cache-control', 'public, max-age=300')
  @ApiOperation({ summary: "The JSON Schema of one message's data" })
  @ApiParam({ name: 'type', example: 'order.placed.v1' })
  @ApiOkResponse({ description: 'JSON Schema, draft 2020-12.', schema: { type: 'object' } })
  @ApiProblems('not-found')
  schema(@Param('type') type: string): object {
    const contract = allContracts.find((each) => each.type === type);
    if (!contract)
      throw new Problem('not-found', 'there is no message of this type; GET /docs/events names them all');
    return dataSchemaOf(contract, this.#schemaBaseUrl);
  }

  @Get('problems')
  @ApiOperation({ summary: 'The error catalogue', description: 'HTML, or JSON for those who ask for it.' })
  @ApiOkResponse({ description: 'Every type of problem that this API answers with.' })
  problems(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const types = Object.entries(PROBLEM_TYPES).map(([name, type]) => ({
      type: problemUrl(name as ProblemName),
      ...type,
    }));
    if (wantsHtml(request)) void reply.type('text/html; charset=utf-8').send(problemsPage(types));
    else void reply.send({ problems: types });
  }

  @Get('problems/:name')
  @ApiOperation({
    summary: 'One type of problem',
    description: 'The page that the `type` of a problem leads to.',
  })
  @ApiOkResponse({ description: 'What it means and what to do about it.' })
  @ApiProblems('not-found')
  problem(@Param('name') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    if (!Object.hasOwn(PROBLEM_TYPES, name)) {
      throw new Problem('not-found', 'there is no problem of this type; GET /problems names them all');
    }
    const type = { type: problemUrl(name as ProblemName), ...PROBLEM_TYPES[name as ProblemName] };
    if (wantsHtml(request)) void reply.type('text/html; charset=utf-8').send(problemPage(type));
    else void reply.send(type);
  }
}
