import { Catch, Logger, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KnownRoutes } from './known-routes.ts';
import { Problem, PROBLEM_MEDIA_TYPE, problemDocument } from './problem.ts';
import { problemOfError } from './problem-of-error.ts';

/** How long a client may go on sending a body after it was refused, in milliseconds. */
const LINGER_MS = 5_000;

/** Answers every error with a problem document: those of handlers, and those of Nest and Fastify around them. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #log = new Logger('Http');

  constructor(private readonly routes: KnownRoutes) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const problem = this.#wrongMethod(error, request) ?? problemOfError(error);
    if (problem.status >= 500) {
      // What is away is away for every request, and told by readiness; what nobody foresaw is told with its stack.
      const message = `${request.method} ${request.url} failed`;
      if (problem.type === 'internal') this.#log.error(message, { err: problem.cause });
      else this.#log.warn(`${message}: ${String(problem.cause ?? problem)}`);
    }
    sendProblem(request, http.getResponse<FastifyReply>(), problem);
  }

  /** Fastify says 404 for a method that a URL doesn't know. */
  #wrongMethod(error: unknown, request: FastifyRequest): Problem | undefined {
    if (!(error instanceof NotFoundException)) return undefined;
    const methods = this.routes.methodsAt(request.url);
    if (methods.length === 0 || methods.includes(request.method)) return undefined;
    return new Problem(
      'method-not-allowed',
      `${request.method} is not possible here, but ${methods.join(', ')}`,
      {
        headers: { allow: methods.join(', ') },
      },
    );
  }
}

/** Sends a problem, and sees to it that the client can read it even if it is still sending. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  if (reply.sent) return;
  if (!request.raw.complete) discardBody(request, reply);
  void reply
    .code(problem.status)
    .headers({ 'cache-control': 'no-store', ...problem.headers, 'x-request-id': request.id })
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problemDocument(problem, request.id)));
}

/**
 * Closing a connection on which more is arriving resets it, and takes the answer with it before the client has read
 * it. So the rest is read and thrown away, for a while.
 */
function discardBody({ raw }: FastifyRequest, reply: FastifyReply): void {
  reply.removeHeader('connection'); // set by Fastify, to close at once
  raw.unpipe();
  raw.resume();
  const giveUp = setTimeout(() => raw.destroy(), LINGER_MS).unref();
  raw.once('close', () => clearTimeout(giveUp));
}
