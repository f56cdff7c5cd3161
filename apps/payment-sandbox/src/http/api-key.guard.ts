import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { SANDBOX_CONFIG, type SandboxConfig } from '../config.ts';
import { Problem } from './problem.ts';

/** Lets in who knows the API key. */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  readonly #digest: Buffer;

  constructor(@Inject(SANDBOX_CONFIG) config: SandboxConfig) {
    this.#digest = digest(config.WARREN_SANDBOX_API_KEY);
  }

  canActivate(context: ExecutionContext): boolean {
    const { authorization = '' } = context.switchToHttp().getRequest<FastifyRequest>().headers;
    const [, key = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    // Hashes have one length, so that the comparison takes the same time whatever the key is.
    if (timingSafeEqual(digest(key), this.#digest)) return true;
    throw new Problem(401, 'send the API key as "Authorization: Bearer …"', { 'www-authenticate': 'Bearer' });
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
