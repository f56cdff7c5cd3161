import { parseArgs } from 'node:util';
import { allFaults } from './faults/all-faults.ts';
import type { Fault } from './faults/fault.ts';

/** Below this the figures say little, and the document is left as it is. */
export const FULL_MESSAGES = 10_000;

export interface RigOptions {
  faults: readonly Fault[];
  messages: number;
  /** Messages appended in a second, at most. */
  rate: number;
  help: boolean;
}

/** What was asked for can't be done; the message says what can. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function parseOptions(args: readonly string[]): RigOptions {
  const values = parsed(args);
  const names = (values.only ?? []).flatMap((names) => names.split(','));
  const known = new Map(allFaults.map((fault) => [fault.name, fault]));
  for (const name of names) {
    if (!known.has(name)) {
      throw new UsageError(
        `there is no fault "${name}"; there are:\n${[...known.keys()].map((n) => `  ${n}`).join('\n')}`,
      );
    }
  }
  return {
    faults: names.length === 0 ? allFaults : allFaults.filter(({ name }) => names.includes(name)),
    messages: positive('--messages', values.messages, FULL_MESSAGES),
    rate: positive('--rate', values.rate, 500),
    help: values.help ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        messages: { type: 'string' },
        rate: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function positive(option: string, given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new UsageError(`${option} must be a whole number of 1 or more, not "${given}"`);
  }
  return value;
}

/** Few messages leave room for few faults: between one fault and the next work has to go on. */
export function timesOf({ times }: Fault, messages: number): number {
  return Math.max(Math.min(times.full, 1), Math.round(times.full * Math.min(1, messages / FULL_MESSAGES)));
}

export function usage(): string {
  const width = Math.max(...allFaults.map(({ name }) => name.length));
  return `npm run reliability -- [--only <fault>[,<fault>…]] [--messages <n>] [--rate <n>]

Drives messages from a producer service to a consumer service and back, as real processes on a broker and a
database of their own, while a fault is made again and again, and then counts: every committed message has had
its effect exactly once or is a dead letter with its reason, and came in order. Ends with 1 when one was not.

  --only      the faults to make; default all
  --messages  messages for each fault, default ${FULL_MESSAGES}; runs of no fewer are written to docs/reliability.md
  --rate      messages appended in a second, at most; default 500

Faults, with how often each is made in ${FULL_MESSAGES} messages:
${allFaults.map(({ name, times, description }) => `  ${name.padEnd(width)}  ${String(times.full).padStart(2)} × ${description}`).join('\n')}
`;
}
