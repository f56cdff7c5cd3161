import { parseArgs } from 'node:util';
import { parseDuration, type DeadLetterFilter } from '@warren/messaging';
import { BROKER_OPTIONS } from '../operate/broker-address.ts';
import { UsageError } from '../operate/exit-codes.ts';

export const COMMANDS = ['list', 'show', 'redrive', 'discard'] as const;
export type Command = (typeof COMMANDS)[number];

const FILTER_OPTIONS = {
  queue: { type: 'string', multiple: true },
  reason: { type: 'string', multiple: true },
  type: { type: 'string', multiple: true },
  id: { type: 'string', multiple: true },
  'older-than': { type: 'string' },
  'younger-than': { type: 'string' },
} as const;

const COMMON = { ...BROKER_OPTIONS, ...FILTER_OPTIONS, json: { type: 'boolean' } } as const;
const CHANGING = {
  all: { type: 'boolean' },
  limit: { type: 'string' },
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean', short: 'y' },
} as const;
const OPTIONS = {
  list: { ...COMMON, each: { type: 'boolean' }, limit: { type: 'string' } },
  show: COMMON,
  redrive: {
    ...COMMON,
    ...CHANGING,
    rate: { type: 'string' },
    'no-ramp': { type: 'boolean' },
    settle: { type: 'string' },
    patience: { type: 'string' },
    tolerate: { type: 'string' },
    force: { type: 'boolean' },
  },
  discard: { ...COMMON, ...CHANGING, log: { type: 'string' } },
} as const;

/** Every option of any command, as it was given. Options of another command are refused before. */
export interface Arguments {
  command: Command;
  filter: DeadLetterFilter;
  broker: { url?: string | undefined; 'management-url'?: string | undefined };
  json: boolean;
  each: boolean;
  all: boolean;
  limit: number | undefined;
  dryRun: boolean;
  yes: boolean;
  rate: number | undefined;
  ramp: boolean;
  settleMs: number | undefined;
  patienceMs: number | undefined;
  tolerate: number | undefined;
  force: boolean;
  log: string | undefined;
}

/** @throws UsageError, or Node's own errors about arguments */
export function parseArguments([name, ...rest]: readonly string[]): Arguments {
  const command = COMMANDS.find((known) => known === name);
  if (!command) {
    throw new UsageError(name ? `"${name}" is none of ${COMMANDS.join(', ')}` : 'what is to be done?');
  }
  const { values, positionals } = parseArgs({
    args: [...rest],
    options: OPTIONS[command],
    allowPositionals: true,
    strict: true,
  }) as { values: Record<string, string | boolean | string[] | undefined>; positionals: string[] };
  const text = (option: string) => values[option] as string | undefined;
  const list = (option: string) => values[option] as string[] | undefined;
  const filter: DeadLetterFilter = {
    ...withDefined('queues', list('queue')),
    ...withDefined('reasons', list('reason')),
    ...withDefined('types', list('type')),
    ...withDefined('ids', positionals.length > 0 ? [...positionals, ...(list('id') ?? [])] : list('id')),
    ...withDefined('olderThanMs', duration('older-than', text('older-than'))),
    ...withDefined('youngerThanMs', duration('younger-than', text('younger-than'))),
  };
  const args: Arguments = {
    command,
    filter,
    broker: { url: text('url'), 'management-url': text('management-url') },
    json: values['json'] === true,
    each: values['each'] === true,
    all: values['all'] === true,
    limit: number('limit', text('limit'), { min: 1, isWhole: true }),
    dryRun: values['dry-run'] === true,
    yes: values['yes'] === true,
    rate: number('rate', text('rate'), { min: 0.01 }),
    ramp: values['no-ramp'] !== true,
    settleMs: duration('settle', text('settle')),
    patienceMs: duration('patience', text('patience')),
    tolerate: number('tolerate', text('tolerate'), { min: 0, isWhole: true }),
    force: values['force'] === true,
    log: text('log'),
  };
  refuseWhatCannotBeMeant(args);
  return args;
}

function refuseWhatCannotBeMeant({
  command,
  filter,
  all,
  ramp,
  settleMs,
  patienceMs,
  tolerate,
}: Arguments): void {
  const isNarrowed = Object.keys(filter).length > 0;
  if (command === 'show' && !filter.ids) {
    throw new UsageError('show which? `list --each` shows the ids of dead letters');
  }
  if (command === 'redrive' || command === 'discard') {
    if (!isNarrowed && !all) {
      throw new UsageError(`${command} which? Name ids, a --queue, --reason, --type or age; or say --all`);
    }
    if (isNarrowed && all) {
      throw new UsageError(
        '--all means all dead letters of all queues: leave it out to mean those that match',
      );
    }
  }
  if (!ramp && (settleMs ?? patienceMs ?? tolerate) !== undefined) {
    throw new UsageError(
      '--settle, --patience and --tolerate say how a ramp goes: leave them out with --no-ramp',
    );
  }
  if ((patienceMs ?? 0) > 900_000) throw new UsageError('--patience must be at most 15m');
}

function withDefined<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}

function duration(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  try {
    return parseDuration(value);
  } catch (error) {
    throw new UsageError(`--${option}: ${(error as Error).message}`);
  }
}

function number(
  option: string,
  value: string | undefined,
  { min, isWhole = false }: { min: number; isWhole?: boolean },
): number | undefined {
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (
    value.trim() === '' ||
    !(parsed >= min) ||
    !Number.isFinite(parsed) ||
    (isWhole && !Number.isInteger(parsed))
  ) {
    throw new UsageError(
      `--${option} must be a ${isWhole ? 'whole ' : ''}number of at least ${min}, not "${value}"`,
    );
  }
  return parsed;
}
