import { BaseRpcContext } from '@nestjs/microservices';
import type { EventEnvelope } from '@warren/contracts';
import type { EntityManager } from 'typeorm';

/** What the delivery engine gives a context to work with. */
export interface DeliveryFacts {
  readonly envelope: EventEnvelope;
  readonly queue: string;
  readonly attempt: number;
  readonly redelivered: boolean;
}

/**
 * The second argument of every handler, also to be had by `@Ctx()`: the message around the data, and the
 * transaction that its effect belongs to.
 */
export class MessageContext extends BaseRpcContext<[DeliveryFacts]> {
  /** The message as it came. */
  readonly envelope: EventEnvelope;
  /** The queue that it came through. */
  readonly queue: string;
  /** 1 on the first try. */
  readonly attempt: number;
  /** Whether the broker delivered it before, for example to a process that died. */
  readonly redelivered: boolean;
  readonly #access: TransactionAccess;

  constructor(facts: DeliveryFacts, access: TransactionAccess) {
    super([facts]);
    this.envelope = facts.envelope;
    this.queue = facts.queue;
    this.attempt = facts.attempt;
    this.redelivered = facts.redelivered;
    this.#access = access;
  }

  /**
   * The open transaction of the message. The inbox row, what the handler writes through it, and what it appends
   * to the outbox commit together.
   *
   * @throws TypeError in a deferred handler (use {@link complete}) and in a handler of requests (it has none).
   */
  get tx(): EntityManager {
    return this.#access.manager();
  }

  /**
   * For deferred handlers, once at the end: claims the message, runs `effect` and commits both in one transaction.
   *
   * @throws DuplicateMessage when another delivery of the message was faster; let it through.
   * @throws TypeError in other handlers, or when it is called twice.
   */
  complete<R>(effect: (tx: EntityManager) => Promise<R>): Promise<R> {
    return this.#access.complete(effect);
  }
}

export interface TransactionAccess {
  manager(): EntityManager;
  complete<R>(effect: (tx: EntityManager) => Promise<R>): Promise<R>;
}
