import { isUtf8 } from 'node:buffer';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route takes where others take a JSON body: its bytes as they came, or none. */
    jsonBody?: 'raw' | 'optional';
  }
}

/** For a call whose handler needs the bytes of the JSON body as they came: the body of the request is a Buffer. */
export const RawJsonBody = (): MethodDecorator => RouteConfig({ jsonBody: 'raw' });

/** For a call whose JSON body may be left out, which is then `{}`. */
export const OptionalJsonBody = (): MethodDecorator => RouteConfig({ jsonBody: 'optional' });

type Done = (error: Error | null, body?: unknown) => void;

/** Parses the JSON bodies of all calls, up to the server's limit of bytes. */
export function jsonBodyParser(server: FastifyInstance) {
  const parse = jsonParser(server);
  return (request: FastifyRequest, body: Buffer, done: Done): void => {
    const { jsonBody } = request.routeOptions.config;
    if (jsonBody === 'raw') done(null, body);
    else if (jsonBody === 'optional' && body.length === 0) done(null);
    else parse(request, body, done);
  };
}

/** Reads the bytes of a {@link RawJsonBody} as any other body is read. */
export function parseJsonBody(request: FastifyRequest): unknown {
  let parsed: unknown;
  jsonParser(request.server)(request, rawBodyOf(request), (error, body) => {
    if (error) throw error;
    parsed = body;
  });
  return parsed;
}

/** The bytes of a {@link RawJsonBody}; none where the request had no body. */
export const rawBodyOf = ({ body }: FastifyRequest): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.alloc(0);

function jsonParser(server: FastifyInstance) {
  const parse = server.getDefaultJsonParser('error', 'error');
  return (request: FastifyRequest, body: Buffer, done: Done): void => {
    if (isUtf8(body)) void parse(request, body.toString(), done);
    else done(new Problem('malformed-json', 'the body is not valid UTF-8'));
  };
}
