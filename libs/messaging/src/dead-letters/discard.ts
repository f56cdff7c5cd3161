import type { ConsumeMessage } from 'amqplib';
import type { MessagingLogger } from '../logger.ts';
import type { BrokerAccess } from './broker-access.ts';
import { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queues.ts';
import { DiscardLog } from './discard-log.ts';
import { matchesLetter, type DeadLetterFilter } from './filter.ts';
import { LONGEST_WALK_MS, walkThrough } from './walk-through.ts';

export interface DiscardOptions {
  /** File that gets all of what is discarded but its secrets, a line of JSON each, before it is discarded. */
  log: string;
  /** Messages at most, over all queues. Default: all that match. */
  limit?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { queue: string; discarded: number; walked: number; of: number }) => void;
}

export interface DiscardReport {
  queues: { queue: string; discarded: number }[];
  interrupted: boolean;
}

const GROUP = 256;

/** Takes dead letters out of their queues for good. Killed in the middle, it leaves them both in the log and in the queue. */
export async function discardDeadLetters(
  broker: BrokerAccess,
  queues: readonly DeadLetterQueue[],
  filter: DeadLetterFilter,
  options: DiscardOptions,
  logger: MessagingLogger,
): Promise<DiscardReport> {
  const startedAt = Date.now();
  const { signal, onProgress } = options;
  const report: DiscardReport = { queues: [], interrupted: false };
  const log = await DiscardLog.open(options.log);
  let left = options.limit ?? Infinity;
  try {
    for (const queue of queues) {
      const own = { queue: queue.queue, discarded: 0 };
      report.queues.push(own);
      let isEnd = false;
      while (!isEnd) {
        isEnd = await walkThrough(broker, queue.name, {
          signal,
          logger,
          async pass(walk) {
            const group: DeadLetter[] = [];
            const discardGroup = async () => {
              await log.append(group);
              for (const { message } of group) walk.take(message);
              own.discarded += group.length;
              group.length = 0;
            };
            let message: ConsumeMessage | undefined;
            while (left > 0 && !signal?.aborted && walk.ageMs < LONGEST_WALK_MS) {
              message = await walk.next();
              if (!message) break;
              const letter = new DeadLetter(message, queue.name);
              if (matchesLetter(filter, letter, startedAt)) {
                left -= 1;
                group.push(letter);
              } else walk.hold();
              // While a whole window waits in the group, the next message does not come.
              if (group.length >= GROUP || walk.ahead.length === 0) await discardGroup();
              onProgress?.({ ...own, walked: walk.walked, of: walk.length });
            }
            await discardGroup();
            return !message || left === 0 || signal?.aborted === true;
          },
        });
      }
      if (signal?.aborted) report.interrupted = true;
      if (left === 0 || signal?.aborted) break;
    }
    return report;
  } finally {
    await log.close();
  }
}
