import { BaseRpcContext } from '@nestjs/microservices';
import type { EntityManager } from 'typeorm';

/** The second argument of a batch handler, also to be had by `@Ctx()`. */
export class BatchContext extends BaseRpcContext<[{ queue: string }]> {
  /** The queue that the messages came through. */
  readonly queue: string;
  /** The open transaction: inbox rows, what the handler writes through it and what it appends commit together. */
  readonly tx: EntityManager;

  constructor(queue: string, tx: EntityManager) {
    super([{ queue }]);
    this.queue = queue;
    this.tx = tx;
  }
}
