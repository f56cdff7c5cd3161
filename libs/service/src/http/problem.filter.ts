import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { PROBLEM_CONTENT_TYPE, plainProblem, type Problem } from './problem.ts';

/** What Fastify's own errors look like; a status under 500 says that the request was at fault. */
interface ErrorWithStatus {
  statusCode?: unknown;
  message?: unknown;
}

/**
 * Answers every error that no filter of the service took with a problem document. A service that has more to say about its
 * errors provides a filter of its own by APP_FILTER, which comes first.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Http');

  constructor(private readonly host: HttpAdapterHost) {}

  catch(error: unknown, context: ArgumentsHost): void {
    const problem = describe(error);
    if (problem.status >= 500) this.#logger.error('a request failed', { err: error });
    const { httpAdapter } = this.host;
    const response: unknown = context.switchToHttp().getResponse();
    if (httpAdapter.isHeadersSent(response)) return;
    httpAdapter.setHeader(response, 'content-type', PROBLEM_CONTENT_TYPE);
    httpAdapter.reply(response, problem, problem.status);
  }
}

function describe(error: unknown): Problem {
  if (error instanceof HttpException) return plainProblem(error.getStatus(), error.message);
  const { statusCode, message } = (error ?? {}) as ErrorWithStatus;
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return plainProblem(statusCode, typeof message === 'string' ? message : undefined);
  }
  // Whatever else went wrong is ours, and the client is told nothing of it.
  return plainProblem(500);
}
