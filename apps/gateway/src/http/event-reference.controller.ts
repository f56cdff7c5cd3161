import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { allContracts, dataSchemaOf, type Contract } from '@warren/contracts';
import { SERVICE_CONFIG } from '@warren/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config.ts';
import { isFresh } from './conditional.ts';
import { EventReference, PAGE_POLICY, type ReferenceFile } from './event-reference.ts';
import { Problem } from './problem.ts';
import { wantsHtml } from './wants-html.ts';

const FIVE_MINUTES = 'public, max-age=300';
const FOREVER = 'public, max-age=31536000, immutable';

/** What goes over RabbitMQ, for programs and for people; readable by everybody. */
@ApiTags('Reference')
@Controller()
export class EventReferenceController {
  readonly #schemaBaseUrl: string;
  readonly #reference: EventReference;

  constructor(@Inject(SERVICE_CONFIG) config: GatewayConfig) {
    this.#schemaBaseUrl = config.WARREN_SCHEMA_BASE_URL.replace(/\/$/, '');
    this.#reference = new EventReference(this.#schemaBaseUrl);
  }

  @Get('asyncapi.json')
  @ApiOperation({
    summary: 'The AsyncAPI document of the messages on RabbitMQ',
    description: 'AsyncAPI 3.0.0: who sends and who receives what, over which exchanges and queues.',
  })
  @ApiProduces('application/vnd.aai.asyncapi+json')
  @ApiOkResponse({ schema: { type: 'object' } })
  document(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    send(request, reply, this.#reference.document, FIVE_MINUTES);
  }

  @Get('docs/events')
  @ApiOperation({
    summary: 'The messages on RabbitMQ',
    description:
      'Every event, command, request and reply. A page that shows the AsyncAPI document, or JSON for those who do not ask for HTML.',
  })
  @ApiOkResponse({
    schema: {
      type: 'object',
      required: ['messages'],
      properties: { messages: { type: 'array', items: { type: 'object' } } },
    },
  })
  events(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    void reply.header('vary', 'accept').header('cache-control', 'no-cache');
    if (wantsHtml(request)) {
      void reply
        .header('content-security-policy', PAGE_POLICY)
        .type('text/html; charset=utf-8')
        .send(this.#reference.page);
    } else void reply.send({ messages: allContracts.map((contract) => this.#describe(contract)) });
  }

  @Get('docs/events/:file')
  @ApiExcludeEndpoint()
  file(@Param('file') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const file = this.#reference.file(name);
    if (!file) throw new Problem('not-found', 'the page at /docs/events has no such file, or not any more');
    send(request, reply, file, FOREVER);
  }

  #describe(contract: Contract): object {
    const { type, kind, exchange, publishedBy, description, example, reply } = contract;
    return {
      type,
      kind,
      ...(exchange !== '' && { exchange }),
      publishedBy,
      description,
      ...(reply && { reply: allContracts.find((each) => each.dataClass === reply)?.type }),
      example,
      dataschema: `${this.#schemaBaseUrl}/${type}.json`,
      schema: dataSchemaOf(contract, this.#schemaBaseUrl),
    };
  }
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, etag, content }: ReferenceFile,
  caching: string,
): void {
  void reply.header('etag', etag).header('cache-control', caching);
  if (isFresh(request, etag)) void reply.code(304).send();
  else void reply.type(type).send(content);
}
