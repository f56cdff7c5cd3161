import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { QueueReader } from './queue-reader.ts';

const PROGRESS_EVERY = 5_000;

export interface LookOptions {
  /** Called with each message, from the head of the queue. */
  visit: (message: ConsumeMessage) => void;
  /** Messages at most. Default: as many as are there when the look begins. */
  limit?: number;
  signal?: AbortSignal | undefined;
  /** Called now and then with how many of how many were looked at. */
  onProgress?: ((looked: number, of: number) => void) | undefined;
  /** Doesn't wait until the queue shows all that was given back, nor sees to its order. Default false. */
  hasty?: boolean;
}

/**
 * Looks at the messages of a queue and leaves all of them there, in their order. What others hold meanwhile is not
 * seen. Memory doesn't grow with the queue: a message is forgotten when it was visited.
 *
 * @returns how many were looked at
 * @throws ReadingInterrupted when the queue can't be read to its end
 */
export async function lookThrough(
  model: ChannelModel,
  queue: string,
  { visit, limit = Infinity, signal, onProgress, hasty = false }: LookOptions,
): Promise<number> {
  let looked = 0;
  let problem: unknown;
  const reader = await QueueReader.open(model, {
    queue,
    windowFor: () => Math.min(65_535, limit),
    onMessage(message) {
      if (looked >= target || problem) return;
      looked += 1;
      try {
        visit(message);
      } catch (error) {
        problem = error;
      }
      if (looked < target) reader.hold();
    },
  });
  let target = limit; // until it is known how many there are
  try {
    await reader.start();
    target = Math.min(limit, reader.ready);
    while (looked < target && !problem && !signal?.aborted) {
      const more = await reader.untilDelivered(Math.min(target, looked + PROGRESS_EVERY));
      onProgress?.(looked, target);
      if (!more) break; // somebody else took the rest
    }
  } finally {
    await reader.close(hasty);
  }
  if (problem) throw problem as Error;
  return looked;
}
