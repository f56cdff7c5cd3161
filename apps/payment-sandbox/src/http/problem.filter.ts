import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusal } from '../payments/refusal.ts';
import {
  Problem,
  PROBLEM_CONTENT_TYPE,
  problemDocument,
  STATUS_OF_REFUSAL,
  type ProblemDocument,
} from './problem.ts';

/** Answers every error with a problem document. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Http');

  catch(error: unknown, context: ArgumentsHost): void {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const problem = describe(error);
    if (problem.status >= 500 && !(error instanceof Problem)) {
      this.#logger.error('a request failed', { err: error });
    }
    if (reply.sent) return;
    if (error instanceof Problem) void reply.headers(error.headers);
    void reply.code(problem.status).type(PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
  }
}

function describe(error: unknown): ProblemDocument {
  if (error instanceof Refusal) {
    return problemDocument(STATUS_OF_REFUSAL[error.code], error.message, error.code);
  }
  if (error instanceof Problem) return problemDocument(error.status, error.message);
  if (error instanceof HttpException) return problemDocument(error.getStatus(), error.message);
  // Fastify's own errors: a status under 500 says that the request was at fault.
  const { statusCode, message } = (error ?? {}) as { statusCode?: unknown; message?: string };
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return problemDocument(statusCode, message);
  }
  return problemDocument(500);
}
