import { createHash } from 'node:crypto';
import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StoredAnswer } from '../storage/idempotency-keys.ts';
import { ApiProblems } from './api-problems.ts';
import { Problem } from './problem.ts';

/** Visible ASCII: what survives headers, logs and databases unchanged. */
const KEY = /^[!-~]{1,255}$/;

/** Handler parameter: the Idempotency-Key of the request. A request without one is refused. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
  const key = headers['idempotency-key'];
  if (key === undefined) {
    throw new Problem('idempotency-key-missing', 'send a header Idempotency-Key, for example a new UUID');
  }
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new Problem('idempotency-key-missing', 'Idempotency-Key must be 1 to 255 visible ASCII characters');
  }
  return key;
});

/** Describes a call that needs an Idempotency-Key. */
export const Idempotent = () =>
  applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: true,
      description:
        'Names this call. A repetition with the same key gets the stored answer and has no second effect, for 24 hours.',
      schema: { type: 'string', pattern: KEY.source, example: '4f1c6c1e-6a39-4b7c-9f2b-8f5a6f6c3d21' },
    }),
    ApiProblems('idempotency-key-missing', 'idempotency-key-reused'),
  );

/**
 * Two calls with the same fingerprint ask for the same thing, however their JSON was written.
 *
 * @param call method and path
 * @param body validated, so that it holds nothing that is not asked for
 */
export function fingerprintOf(call: string, body: object): Buffer {
  return createHash('sha256').update(`${call}\n`).update(canonicalJson(body)).digest();
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Sends an answer as it was stored. */
export function sendStored(reply: FastifyReply, answer: StoredAnswer, replayed: boolean): void {
  void reply
    .code(answer.status)
    .headers({ ...answer.headers, ...(replayed && { 'idempotency-replayed': 'true' }) })
    .send(answer.body);
}
