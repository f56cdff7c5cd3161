import { Body, Controller, Header, HttpCode, Post, Req } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { OpenSession } from '../commands/open-session.ts';
import { ApiProblems } from './api-problems.ts';
import { clientNetwork } from './client-network.ts';

export class NewSessionRequest {
  @ApiProperty({ description: 'Mail address of the account.', maxLength: 254, example: 'ada@example.com' })
  @IsString()
  @Length(1, 254)
  email!: string;

  @ApiProperty({
    description: 'Password of the account.',
    maxLength: 200,
    example: 'correct horse battery staple',
  })
  @IsString()
  @Length(1, 200)
  password!: string;
}

export class SessionResponse {
  @ApiProperty({ description: 'To be sent as "Authorization: Bearer …".' })
  accessToken!: string;

  @ApiProperty({ enum: ['Bearer'] })
  tokenType!: 'Bearer';

  @ApiProperty({ description: 'Lifetime of the token in seconds.', type: 'integer', example: 3600 })
  expiresIn!: number;
}

@ApiTags('Accounts')
@Controller('v1/sessions')
export class SessionsController {
  constructor(private readonly openSession: OpenSession) {}

  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Sign in',
    description:
      'Exchanges an address and a password for an access token. After 10 failures with an address within 15 minutes, or ' +
      '100 from a network (an IPv4 address, or a /64 of IPv6), sign-ins are refused until that time is over, also with ' +
      'the right password. Sign-ins that succeed are not counted, and clear the count of their address.',
  })
  @ApiCreatedResponse({ type: SessionResponse })
  @ApiProblems(
    'validation',
    'malformed-json',
    'invalid-credentials',
    'too-many-sign-ins',
    'content-too-large',
    'unsupported-media-type',
  )
  async open(
    @Body() { email, password }: NewSessionRequest,
    @Req() request: FastifyRequest,
  ): Promise<SessionResponse> {
    const { accessToken, expiresIn } = await this.openSession.execute(
      email,
      password,
      clientNetwork(request),
    );
    return { accessToken, tokenType: 'Bearer', expiresIn };
  }
}
