import type { Server, Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { runInFlow } from '@warren/messaging';
import { createHttpMetrics } from '@warren/observability';
import type { FastifyReply } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { HttpServerOptions } from '../define-service.ts';
import { PROBLEM_CONTENT_TYPE, plainProblem } from './problem.ts';

/** Requests that come every few seconds and say nothing; they are logged at `debug`. */
const PROBES = new Set(['/health/live', '/health/ready', '/metrics']);

/** Why Node gave up on a request before it was one, and the status that says so. */
const CLIENT_ERRORS: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what is no HTTP, on the bare socket. */
function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = plainProblem(CLIENT_ERRORS[error.code ?? ''] ?? 400, 'the request is not well-formed HTTP');
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\nconnection: close\r\ncontent-type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

const openSockets = new WeakMap<Server, Set<Socket>>();

function watchConnections(server: Server): void {
  const sockets = new Set<Socket>();
  openSockets.set(server, sockets);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
}

/** Closes connections that were opened in advance and never used; Node takes them for busy. */
export function closeUnusedConnections(server: Server): void {
  for (const socket of openSockets.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy();
}

/**
 * The HTTP server of a service. Every request gets an id, which it carries as the correlation id of all that follows from
 * it and gives back in `x-request-id`; every answer is logged and measured.
 */
export function createHttpAdapter(options: HttpServerOptions): FastifyAdapter {
  const serverOptions: HttpServerOptions = {
    genReqId: () => uuidv7(),
    // While the service stops, requests on open connections are answered, with "connection: close".
    return503OnClosing: false,
    clientErrorHandler: refuseMalformed,
    frameworkErrors: (error, _request, reply) => {
      const status = error.statusCode ?? 400;
      // Typed by a route that isn't there, neither takes anything.
      const answer = reply as unknown as FastifyReply;
      void answer
        .code(status)
        .type(PROBLEM_CONTENT_TYPE)
        .send(JSON.stringify(plainProblem(status, error.message)));
    },
    ...options,
  };
  const adapter = new FastifyAdapter(serverOptions);

  const measure = createHttpMetrics();
  const logger = new Logger('Http');
  const server = adapter.getInstance();
  watchConnections(server.server);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  // After the body was read: reading it leaves the asynchronous context in which it began.
  server.addHook('preValidation', (request, _reply, done) => {
    runInFlow({ correlationId: request.id }, done);
  });
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (!server.server.listening) void reply.header('connection', 'close');
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const seconds = reply.elapsedTime / 1000;
    const route = request.routeOptions.url;
    measure({ method: request.method, route, status: reply.statusCode, seconds });
    const path = request.url.split('?', 1)[0]!;
    logger[PROBES.has(path) ? 'debug' : 'log'](`${request.method} ${path} ${reply.statusCode}`, {
      method: request.method,
      route,
      status: reply.statusCode,
      milliseconds: Math.round(reply.elapsedTime * 10) / 10,
      correlationId: request.id,
    });
    done();
  });
  server.addHook('onRequestAbort', (request, done) => {
    logger.warn(`${request.method} ${request.url.split('?', 1)[0]} was cut off by the client`, {
      correlationId: request.id,
    });
    done();
  });
  return adapter;
}
