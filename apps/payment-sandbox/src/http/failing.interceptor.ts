import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { Faults } from '../faults.ts';
import { Problem } from './problem.ts';

/** Lets calls fail that are to fail. */
@Injectable()
export class Failing implements NestInterceptor {
  constructor(private readonly faults: Faults) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (this.faults.takes('failNextRequests')) throw failure('and nothing has been done');
    const { method } = context.switchToHttp().getRequest<FastifyRequest>();
    return next.handle().pipe(
      map((answer: unknown) => {
        if (method === 'POST' && this.faults.takes('failNextRequestsAfterEffect')) {
          throw failure('though all has been done');
        }
        return answer;
      }),
    );
  }
}

function failure(how: string): Problem {
  return new Problem(500, `this call was to fail, ${how}`, { 'retry-after': '1' });
}
