import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyServerOptions } from 'fastify';
import { PROBLEM_CONTENT_TYPE, problemDocument } from './problem.ts';

/** All that is taken here fits in a tenth of it. */
const MAX_BODY_BYTES = 16_384;

/** Answers what is no HTTP, on the bare socket. */
function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problemDocument(400, 'the request is not well-formed HTTP'));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** The HTTP server; every answer is logged, probes at `debug`. */
export function createHttpAdapter(): FastifyAdapter {
  const options: Omit<FastifyServerOptions, 'logger' | 'loggerInstance'> = {
    bodyLimit: MAX_BODY_BYTES,
    // While it stops, requests on open connections are answered.
    return503OnClosing: false,
    clientErrorHandler: refuseMalformed,
    frameworkErrors: (error, _request, reply) => {
      const status = error.statusCode ?? 400;
      // Typed by a route that isn't there, it takes nothing.
      const answer = reply as unknown as FastifyReply;
      const body = JSON.stringify(problemDocument(status, error.message));
      void answer.code(status).type(PROBLEM_CONTENT_TYPE).send(body);
    },
  };
  const adapter = new FastifyAdapter(options);
  const logger = new Logger('Http');
  adapter.getInstance().addHook('onResponse', (request, reply, done) => {
    const path = request.url.split('?', 1)[0]!;
    logger[path.startsWith('/health/') ? 'debug' : 'log'](`${request.method} ${path} ${reply.statusCode}`, {
      status: reply.statusCode,
      milliseconds: Math.round(reply.elapsedTime * 10) / 10,
    });
    done();
  });
  return adapter;
}
