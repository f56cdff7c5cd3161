import type { ManagementApi } from '../broker/management-api.ts';
import { parseDuration } from '../duration.ts';
import { failedQueueOf } from './dead-letter.ts';
import { matchesQueue, type DeadLetterFilter } from './filter.ts';

export interface DeadLetterQueue {
  /** `<service>.<purpose>.dead` */
  name: string;
  /** The queue in which its messages failed. */
  queue: string;
  /** Through this exchange, with the queue's name as key, a message gets to the queue and to no other. */
  requeueExchange: string;
  /** Queues in which messages of the queue wait for their next attempt, the shortest wait first. */
  waitQueues: string[];
}

/** Looking at a queue could drop its messages, so it is not done. */
export class UnsafeToLook extends Error {
  override readonly name = 'UnsafeToLook';
}

/** Fewer deliveries than this are soon used up by looking. */
const FEWEST_DELIVERIES = 1_000;
/** What RabbitMQ 4 gives to a quorum queue that asks for nothing. Its predecessors had no limit. */
const DEFAULT_LIMIT_SINCE_4 = 20;

interface QueueAnswer {
  name: string;
  type?: string;
  arguments: Record<string, unknown>;
  effective_policy_definition?: Record<string, unknown> | null;
}

const WAIT_QUEUE = /\.retry\.([0-9]+(?:ms|s|m|h|d))$/;

/**
 * The dead-letter queues of a virtual host, sorted by name.
 *
 * @throws UnsafeToLook when one of them has too low a delivery limit to be looked at
 */
export async function findDeadLetterQueues(
  api: ManagementApi,
  filter: DeadLetterFilter = {},
): Promise<DeadLetterQueue[]> {
  const all = await api.get<QueueAnswer[]>('queues');
  const found = all.filter(({ name }) => {
    const queue = failedQueueOf(name);
    return queue?.includes('.') && matchesQueue(filter, queue);
  });
  if (found.length > 0) {
    const major = Number.parseInt(await api.version(), 10);
    for (const queue of found) assertSafeToLook(queue, major);
  }
  const names = all.map(({ name }) => name);
  return found
    .map(({ name }) => {
      const queue = failedQueueOf(name)!;
      return {
        name,
        queue,
        requeueExchange: `${queue.slice(0, queue.indexOf('.'))}.requeue`,
        waitQueues: waitQueuesOf(queue, names),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function waitQueuesOf(queue: string, names: readonly string[]): string[] {
  const wait = (name: string) => parseDuration(WAIT_QUEUE.exec(name)![1]!);
  return names
    .filter((name) => name.startsWith(`${queue}.retry.`) && WAIT_QUEUE.test(name))
    .sort((a, b) => wait(a) - wait(b));
}

/** A message that was delivered and given back more often than its queue allows is dropped: no queue is behind. */
function assertSafeToLook(queue: QueueAnswer, brokerMajor: number): void {
  if ((queue.type ?? queue.arguments['x-queue-type']) !== 'quorum') return;
  const limits = [
    queue.arguments['x-delivery-limit'],
    queue.effective_policy_definition?.['delivery-limit'],
  ].filter((limit) => typeof limit === 'number');
  if (limits.length === 0 && brokerMajor >= 4) limits.push(DEFAULT_LIMIT_SINCE_4);
  const limit = Math.min(...limits.map((value) => (value < 0 ? Infinity : value))); // -1: none
  if (limit >= FEWEST_DELIVERIES) return;
  throw new UnsafeToLook(
    `${queue.name} drops a message after ${limit} deliveries, and each look at it is one. Raise its delivery limit ` +
      `by a policy or, when its arguments say so, declare it anew; ours have 1000000`,
  );
}
