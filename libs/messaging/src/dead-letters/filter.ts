import type { DeadLetter } from './dead-letter.ts';

/** Which dead letters are meant: those that fulfil every condition that is set. None set means all of them. */
export interface DeadLetterFilter {
  /** Queues in which they failed, for example `order-service.commands`; `*` stands for any characters. */
  queues?: readonly string[];
  /** Why they are dead letters; `*` as above. */
  reasons?: readonly string[];
  /** Types, for example `order.*.v1`. */
  types?: readonly string[];
  /** Ids of messages. One message may be in the dead-letter queues of several consumers. */
  ids?: readonly string[];
  /** Dead for longer than this. Milliseconds. */
  olderThanMs?: number;
  /** Dead for less than this. Milliseconds. */
  youngerThanMs?: number;
}

function matchesOne(patterns: readonly string[] | undefined, value: string): boolean {
  if (patterns === undefined) return true;
  return patterns.some((pattern) => {
    if (!pattern.includes('*')) return pattern === value;
    const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 's').test(value);
  });
}

/** Whether a queue may hold dead letters that are meant. */
export function matchesQueue(filter: DeadLetterFilter, queue: string): boolean {
  return matchesOne(filter.queues, queue);
}

/** One whose time of death nobody knows fulfils no condition on its age. */
export function matchesLetter(filter: DeadLetterFilter, letter: DeadLetter, now: number): boolean {
  if (filter.ids && !filter.ids.includes(letter.id)) return false;
  if (!matchesQueue(filter, letter.queue) || !matchesOne(filter.types, letter.type)) return false;
  if (!matchesOne(filter.reasons, letter.reason)) return false;
  if (filter.olderThanMs === undefined && filter.youngerThanMs === undefined) return true;
  const diedAt = letter.diedAt?.getTime();
  if (diedAt === undefined) return false;
  const age = now - diedAt;
  return age >= (filter.olderThanMs ?? -Infinity) && age < (filter.youngerThanMs ?? Infinity);
}
