import type { ConsumeMessage } from 'amqplib';
import type { MessagingLogger } from '../logger.ts';
import type { MessagingMetrics, OutcomeName } from '../metrics.ts';

/** How one delivery to this process ended. */
export interface SettledDelivery {
  /** The queue that it came through, `<service>.<purpose>`. */
  readonly queue: string;
  /**
   * `done`: its effect is committed. `duplicate`: it had its effect before. `retried`: it waits for its next attempt.
   * `dead-lettered`: it was given up. `given-back`: it went back to its queue untried. `failed`: a request that was
   * answered with an error.
   */
  readonly outcome: OutcomeName;
  /** AMQP property; undefined where its publisher set none. */
  readonly messageId: string | undefined;
  /** AMQP property; undefined where its publisher set none. */
  readonly type: string | undefined;
  /** Whether the broker had delivered it before. */
  readonly redelivered: boolean;
  /** Why it was retried, dead-lettered or answered with an error. */
  readonly error?: Error;
}

/** Tells whoever listens how each delivery to this process ended: for audits, own measurements, and tests. */
export class Deliveries {
  readonly #listeners = new Set<(delivery: SettledDelivery) => void>();
  readonly #metrics: MessagingMetrics;
  readonly #logger: MessagingLogger;
  readonly #countInHand: () => number;

  constructor(metrics: MessagingMetrics, logger: MessagingLogger, countInHand: () => number) {
    this.#metrics = metrics;
    this.#logger = logger;
    this.#countInHand = countInHand;
  }

  /** Deliveries that this process holds: those that are worked on, and those that wait for their turn. */
  get inHand(): number {
    return this.#countInHand();
  }

  /**
   * Calls `listener` after each delivery was settled on the broker. Batches are told message by message. What it
   * throws is logged and changes nothing.
   *
   * @returns a function that ends it
   */
  onSettled(listener: (delivery: SettledDelivery) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * For the consumers of this library.
   *
   * @param seconds from the delivery to its settlement
   */
  settled(
    queue: string,
    message: ConsumeMessage,
    outcome: OutcomeName,
    seconds: number,
    error?: Error,
  ): void {
    this.#metrics.settled(queue, outcome, seconds);
    if (this.#listeners.size === 0) return;
    const delivery: SettledDelivery = {
      queue,
      outcome,
      messageId: propertyOf(message.properties.messageId),
      type: propertyOf(message.properties.type),
      redelivered: message.fields.redelivered,
      ...(error && { error }),
    };
    for (const listener of this.#listeners) {
      try {
        listener(delivery);
      } catch (failure) {
        this.#logger.error(`a listener of deliveries failed: ${String(failure)}`, (failure as Error)?.stack);
      }
    }
  }
}

function propertyOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
