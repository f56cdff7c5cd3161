import {
  applyDecorators,
  createParamDecorator,
  Injectable,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AccessTokens, type Access } from '../credentials/access-tokens.ts';
import { ApiProblems } from './api-problems.ts';
import { Problem } from './problem.ts';

const BEARER = /^Bearer +([\w.~+/-]+=*) *$/i;
const accesses = new WeakMap<FastifyRequest, Access>();

/** Lets a request pass whose bearer token is valid (RFC 6750), and remembers whose it is. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(private readonly tokens: AccessTokens) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      throw new Problem(
        'missing-token',
        'send a header "Authorization: Bearer" with the token of a session',
        {
          headers: { 'www-authenticate': 'Bearer realm="warren"' },
        },
      );
    }
    accesses.set(request, await this.tokens.verify(token));
    return true;
  }
}

/** For calls that only a signed-in user may make. */
export const SignedIn = () =>
  applyDecorators(UseGuards(BearerGuard), ApiBearerAuth(), ApiProblems('missing-token', 'invalid-token'));

function accessOf(context: ExecutionContext): Access {
  const access = accesses.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (access === undefined) throw new Error('this handler is not behind @SignedIn()');
  return access;
}

/** Handler parameter: the id of the account that calls. Only behind {@link SignedIn}. */
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext): string => accessOf(context).accountId,
);

/** Handler parameter: what the caller's token says, as an {@link Access}. Only behind {@link SignedIn}. */
export const CallerAccess = createParamDecorator((_: unknown, context: ExecutionContext): Access =>
  accessOf(context),
);
