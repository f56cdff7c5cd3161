import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Whether the client has this version already (RFC 9110, 13.1.2): tags are compared weakly, so a proxy that made
 * ours weak does no harm.
 */
export function isFresh(request: FastifyRequest, etag: string): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/** Sends a representation with its version, or 304 to whom has it. */
export function sendVersion(request: FastifyRequest, reply: FastifyReply, etag: string, body: object): void {
  void reply.header('etag', etag).header('cache-control', 'private, no-cache');
  if (isFresh(request, etag)) void reply.code(304).send();
  else void reply.send(body);
}

/** Describes a call whose answer has a version. */
export const Conditional = () =>
  applyDecorators(
    ApiHeader({ name: 'If-None-Match', required: false, description: 'The ETag of what you have already.' }),
    ApiResponse({ status: 304, description: 'It is as it was: If-None-Match named its ETag.' }),
  );
