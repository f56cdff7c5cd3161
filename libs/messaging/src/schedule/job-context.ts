import { BaseRpcContext } from '@nestjs/microservices';
import type { TransactionAccess } from '../message-context.ts';
import type { EntityManager } from 'typeorm';

export interface JobFacts {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  readonly attempts: number;
  readonly enqueuedAt: Date;
}

/** The second argument of every handler of jobs, also to be had by `@Ctx()`. */
export class JobContext extends BaseRpcContext<[JobFacts]> {
  readonly id: string;
  readonly name: string;
  /** 1 on the first run. */
  readonly attempt: number;
  /** How often it is run at most. */
  readonly attempts: number;
  readonly enqueuedAt: Date;
  /**
   * Aborted when going on is in vain: the service stops, the time limit is over, or the job was given to another
   * worker because this one was not heard of for too long. What is done after that is not kept.
   */
  readonly signal: AbortSignal;
  readonly #access: TransactionAccess;

  constructor(facts: JobFacts, signal: AbortSignal, access: TransactionAccess) {
    super([facts]);
    this.id = facts.id;
    this.name = facts.name;
    this.attempt = facts.attempt;
    this.attempts = facts.attempts;
    this.enqueuedAt = facts.enqueuedAt;
    this.signal = signal;
    this.#access = access;
  }

  /**
   * The open transaction of the job: what is written through it, what is appended to the outbox, and that the job
   * is done commit together.
   *
   * @throws TypeError in a deferred handler: use {@link complete}.
   */
  get tx(): EntityManager {
    return this.#access.manager();
  }

  /**
   * For deferred handlers, once at the end: runs `effect` and marks the job as done, in one transaction.
   *
   * @throws LeaseLost when the job is not this worker's any more; let it through.
   * @throws TypeError in other handlers, or when it is called twice.
   */
  complete<R>(effect: (tx: EntityManager) => Promise<R>): Promise<R> {
    return this.#access.complete(effect);
  }
}
