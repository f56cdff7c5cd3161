import type { EventEnvelope } from '@warren/contracts';
import type { DataSource } from 'typeorm';
import type { MessagingLogger } from '../logger.ts';

/** A message whose redeliveries ended with their process this often is parked. */
export const TOLERATED_CRASHES = 5;

function keyOf({ source, id }: EventEnvelope): string {
  return `${source} ${id}`;
}

/** Lets one message under suspicion be worked on at a time. */
export class Suspects {
  #last: Promise<void> = Promise.resolve();

  /** @returns what lets the next one in */
  async enter(): Promise<() => void> {
    const before = this.#last;
    let release!: () => void;
    this.#last = new Promise((resolve) => (release = resolve));
    await before;
    return release;
  }
}

/**
 * Finds messages that kill the process that works on them. Such a message leaves no error behind, and comes back
 * with the next process. Only redeliveries are written down, so the usual path pays nothing.
 */
export class CrashGuard {
  readonly #dataSource: DataSource;
  readonly #queue: string;
  readonly #logger: MessagingLogger;
  readonly #suspects: Suspects;
  readonly #inHand = new Map<string, { envelope: EventEnvelope; release(): void }>();

  /** @param suspects one for all queues of the process */
  constructor(dataSource: DataSource, queue: string, suspects: Suspects, logger: MessagingLogger) {
    this.#dataSource = dataSource;
    this.#queue = queue;
    this.#suspects = suspects;
    this.#logger = logger;
  }

  /**
   * Writes down that work on a redelivered message begins, outside of any transaction. One that was begun before
   * without an end is under suspicion and waits until it is the only such one, so that no other is blamed with it.
   *
   * @returns how often it was begun without an end, this time included
   */
  async begin(envelope: EventEnvelope): Promise<number> {
    const key = keyOf(envelope);
    // Still in hand here: its connection was lost, and not its process.
    if (this.#inHand.has(key)) return 1;
    const parameters = [this.#queue, envelope.source, envelope.id];
    const [known] = (await this.#dataSource.query(
      `SELECT times FROM redeliveries_begun WHERE consumer = $1 AND source = $2 AND message_id = $3`,
      parameters,
    )) as { times: number }[];
    const release = known ? await this.#suspects.enter() : () => undefined;
    try {
      const [row] = (await this.#dataSource.query(
        `INSERT INTO redeliveries_begun AS r (consumer, source, message_id, times, last_at)
         VALUES ($1, $2, $3, 1, now())
         ON CONFLICT (consumer, source, message_id) DO UPDATE SET times = r.times + 1, last_at = now()
         RETURNING times`,
        parameters,
      )) as { times: number }[];
      this.#inHand.set(key, { envelope, release });
      return row!.times;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The process has survived this message, whatever became of it. */
  async end(envelope: EventEnvelope): Promise<void> {
    const key = keyOf(envelope);
    this.#inHand.get(key)?.release();
    this.#inHand.delete(key);
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
    await Promise.all([...this.#inHand.values()].map(({ envelope }) => this.end(envelope)));
  }
}
