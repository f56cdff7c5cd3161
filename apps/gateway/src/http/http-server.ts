import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import multipart from '@fastify/multipart';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { HttpServerOptions } from '@warren/service';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { GatewayConfig } from '../config.ts';
import { LiveUpdates } from '../live/live-updates.ts';
import { jsonBodyParser } from './json-body.ts';
import { KnownRoutes } from './known-routes.ts';
import { problemDocument, PROBLEM_MEDIA_TYPE, Problem } from './problem.ts';
import { problemOfError } from './problem-of-error.ts';
import { sendProblem } from './problem.filter.ts';

/** A connection on which nothing moves for this long is closed, in milliseconds; an upload on it is cut off. */
const IDLE_MS = 60_000;

/** The one route that takes a form. */
const UPLOAD_ROUTE = '/v1/files';

/** Why Node's parser gave up, and what that is called here. */
const PARSER_PROBLEMS: Record<string, Problem> = {
  HPE_HEADER_OVERFLOW: new Problem('headers-too-large', 'the header fields are larger than the server takes'),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem('request-timeout', 'the request was not complete in time'),
};

/** Options of the HTTP server over those of every service: errors from below the router get a document as well. */
export function httpServerOptions(config: GatewayConfig): HttpServerOptions {
  return {
    bodyLimit: config.WARREN_MAX_BODY_BYTES,
    // An empty list would make Fastify believe nobody either, and look for it at each request.
    trustProxy: config.WARREN_TRUSTED_PROXIES.length > 0 && [...config.WARREN_TRUSTED_PROXIES],
    connectionTimeout: IDLE_MS,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(request, reply, problemOfError(error)),
    clientErrorHandler: refuseWhatIsNoRequest,
  };
}

/** What has to be there before the routes are. */
export async function prepareHttpServer(app: NestFastifyApplication): Promise<void> {
  const server = app.getHttpAdapter().getInstance();
  app.get(KnownRoutes).watch(server);
  const updates = app.get(LiveUpdates);
  // Before the server waits for the answers in hand: these would never end by themselves.
  server.addHook('preClose', (done) => {
    updates.stop();
    done();
  });
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    done();
  });
  server.server.on('checkExpectation', refuseExpectation);
  await app.register(multipart);
  app.useBodyParser('application/json', {}, jsonBodyParser(server));
  // Fastify and Nest also take text and HTML forms; no call of ours does.
  server.removeContentTypeParser('text/plain');
  app.useBodyParser('application/x-www-form-urlencoded', {}, (_request, _body, done) =>
    done(wrongMediaType()),
  );
  server.addHook('preValidation', (request, _reply, done) => {
    if (request.routeOptions.config.jsonBody === 'optional' && request.body === undefined) request.body = {};
    const misplaced = !request.is404 && request.isMultipart() && request.routeOptions.url !== UPLOAD_ROUTE;
    done(misplaced ? wrongMediaType() : undefined);
  });
}

const wrongMediaType = (): Problem =>
  new Problem('unsupported-media-type', 'this call takes a body with content-type application/json');

/** Node itself meets the expectation of a 100, and hands on no request that has another one. */
function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const requestId = uuidv7();
  const problem = new Problem('expectation-failed', 'the only expectation that is met is 100-continue');
  const body = JSON.stringify(problemDocument(problem, requestId));
  response
    .writeHead(problem.status, {
      'content-type': PROBLEM_MEDIA_TYPE,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-request-id': requestId,
    })
    .end(body);
}

/** There is no request and no reply yet, only a socket. */
function refuseWhatIsNoRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem =
    PARSER_PROBLEMS[error.code ?? ''] ??
    new Problem('malformed-request', 'the request is not well-formed HTTP');
  const requestId = uuidv7();
  const document = problemDocument(problem, requestId);
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}\r\nconnection: close\r\nx-request-id: ${requestId}\r\n` +
      `content-type: ${PROBLEM_MEDIA_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
