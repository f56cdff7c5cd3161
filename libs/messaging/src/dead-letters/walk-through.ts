import type { MessagingLogger } from '../logger.ts';
import { pause } from '../timing.ts';
import type { BrokerAccess } from './broker-access.ts';
import { ReadingInterrupted } from './queue-counts.ts';
import { QueueWalk } from './queue-walk.ts';

/** A walk had better end after this, and another begin: the broker takes back after 30 minutes what is in hand. */
export const LONGEST_WALK_MS = 10 * 60_000;
const MOST_INTERRUPTIONS = 20;

export interface WalkThroughOptions<T> {
  signal: AbortSignal | undefined;
  logger: MessagingLogger;
  /** Walks as far as it wants. What it throws ends the walk, unless the walk was interrupted. */
  pass: (walk: QueueWalk) => Promise<T>;
}

/**
 * Walks through a queue from its head, and begins again there when the connection was lost: what was held is there
 * again, and what was taken is not.
 *
 * @returns what `pass` returned, when all that was held is back in the queue
 * @throws ReadingInterrupted when the queue can't be read, again and again
 */
export async function walkThrough<T>(
  broker: BrokerAccess,
  queue: string,
  { signal, logger, pass }: WalkThroughOptions<T>,
): Promise<T> {
  for (let interruptions = 1; ; interruptions += 1) {
    let walk: QueueWalk | undefined;
    try {
      walk = await QueueWalk.open(await broker.model(signal), queue);
      return await pass(walk);
    } catch (error) {
      const isOver = signal?.aborted || interruptions > MOST_INTERRUPTIONS;
      if (!(error instanceof ReadingInterrupted) || isOver) throw error;
      logger.warn(`begins again with ${queue}: ${error.message}`);
      await pause(1_000, signal);
    } finally {
      await walk?.close();
    }
  }
}
