import type { EventEnvelope } from '@warren/contracts';
import type { DataSource } from 'typeorm';
import type { MessagingLogger } from '../logger.ts';

/** A message whose redeliveries ended with their process this often is parked. */
export const TOLERATED_CRASHES = 5;

/**
 * Finds messages that kill the process that works on them. Such a message leaves no error behind, and comes back
 * with the next process. Only redeliveries are written down, so the usual path pays nothing.
 */
export class CrashGuard {
  readonly #dataSource: DataSource;
  readonly #queue: string;
  readonly #logger: MessagingLogger;
  readonly #inHand = new Map<string, EventEnvelope>();

  constructor(dataSource: DataSource, queue: string, logger: MessagingLogger) {
    this.#dataSource = dataSource;
    this.#queue = queue;
    this.#logger = logger;
  }

  /**
   * Writes down that work on a redelivered message begins, outside of any transaction.
   *
   * @returns how often it was begun without an end, this time included
   */
  async begin(envelope: EventEnvelope): Promise<number> {
    const [row] = (await this.#dataSource.query(
      `INSERT INTO redeliveries_begun AS r (consumer, source, message_id, times, last_at)
       VALUES ($1, $2, $3, 1, now())
       ON CONFLICT (consumer, source, message_id) DO UPDATE SET times = r.times + 1, last_at = now()
       RETURNING times`,
      [this.#queue, envelope.source, envelope.id],
    )) as { times: number }[];
    this.#inHand.set(`${envelope.source} ${envelope.id}`, envelope);
    return row!.times;
  }

  /** The process has survived this message, whatever became of it. */
  async end(envelope: EventEnvelope): Promise<void> {
    this.#inHand.delete(`${envelope.source} ${envelope.id}`);
    try {
      await this.#dataSource.query(
        `DELETE FROM redeliveries_begun WHERE consumer = $1 AND source = $2 AND message_id = $3`,
        [this.#queue, envelope.source, envelope.id],
      );
    } catch (error) {
      // It counts as one crash too many; five are needed.
      this.#logger.warn(
        `${this.#queue}: the end of ${envelope.id} could not be noted: ${(error as Error).message}`,
      );
    }
  }

  /** A stop that was asked for ends work in hand: that is not the message's doing. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#inHand.values()].map((envelope) => this.end(envelope)));
  }
}
