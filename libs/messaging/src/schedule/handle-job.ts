import { EventPattern } from '@nestjs/microservices';
import type { DataClass } from '@warren/contracts';
import { parseDuration } from '../duration.ts';
import { MiswiredService } from '../errors.ts';
import { passDataAndContext, WARREN_TRANSPORT } from '../message-handler.ts';
import { CronExpression } from './cron-expression.ts';
import {
  checkedWorkName,
  jobOf,
  positiveInteger,
  retryPolicyOf,
  type RetryOptions,
  type RetryPolicy,
} from './define-job.ts';
import type { JobContext } from './job-context.ts';

export interface WorkOptions {
  /**
   * `job` (default): the library opens a transaction, calls the handler, marks the job as done and commits.
   * `deferred`: nothing is open while the handler works; it calls `ctx.complete` once, at the end. For work that
   * takes long or talks to others.
   */
  transaction?: 'job' | 'deferred';
  /** How long one run may take before it counts as failed. Default `1m`; for deferred handlers `1h`. */
  timeLimit?: string;
}

export interface HandleJobOptions extends WorkOptions {
  /** Jobs of this kind that one process runs at the same time. Default: as many as of all kinds together. */
  concurrency?: number;
}

export interface RecurringOptions extends WorkOptions, RetryOptions {
  /** What it is called in the database; with another name it is another recurring job. */
  name: string;
  /** Five fields, or six with seconds first: see {@link CronExpression}. */
  cron: string;
  /** Default `UTC`. */
  timeZone?: string;
  /**
   * What is done about times at which no replica ran, nor within a minute after. `run-once` (default): one run makes
   * up for all of them. `skip`: none does.
   */
  missed?: 'run-once' | 'skip';
  /** Whether a run may begin while the last one waits, runs, or is retried. Default `skip`: it may not. */
  overlap?: 'skip' | 'allow';
}

/** The first argument of handlers of recurring jobs. */
export class RecurringRun {
  /** The time that this run is for; after missed ones, the first of them. */
  readonly scheduledFor: Date;
  constructor(scheduledFor: Date) {
    this.scheduledFor = scheduledFor;
  }
}

export interface RecurringDescription {
  readonly expression: CronExpression;
  readonly missed: 'run-once' | 'skip';
  readonly overlap: 'skip' | 'allow';
}

/** What the decorators leave with a handler. */
export interface WorkDescription {
  readonly name: string;
  /** Absent for recurring jobs. */
  readonly jobClass?: DataClass;
  readonly recurring?: RecurringDescription;
  readonly retry: RetryPolicy;
  readonly transaction: 'job' | 'deferred';
  readonly timeLimitMs: number;
  readonly concurrency?: number;
}

/** Handlers of jobs are found under this and their name; types of messages have no colon. */
export const WORK_PATTERN_PREFIX = 'job:';
/** Metadata of a method that is a handler of jobs. */
export const WORK_METADATA = Symbol('warren:work');

const TIME_LIMITS = { job: '1m', deferred: '1h' } as const;
/** A transaction that is idle for longer than this is ended by the database. */
const LONGEST_IN_TRANSACTION_MS = 110_000;
const RECURRING_RETRY_DELAYS = ['30s', '5m'];

type WorkMethod<A> = <Method extends (payload: A, context: JobContext) => Promise<void>>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Makes a method of a Nest controller the handler of one kind of job. It is called with the validated payload, an
 * instance of the job's class, and the {@link JobContext}.
 *
 * @throws MiswiredService when the options can't work
 */
export function HandleJob<T extends object>(
  jobClass: DataClass<T>,
  options: HandleJobOptions = {},
): WorkMethod<T> {
  const { name, retry } = jobOf(jobClass);
  const { concurrency } = options;
  if (concurrency !== undefined) positiveInteger(`job ${name}: concurrency`, concurrency);
  return workDecorator({
    name,
    jobClass: jobClass as DataClass,
    retry,
    ...workLimits(name, options),
    ...(concurrency !== undefined && { concurrency }),
  });
}

/**
 * Makes a method of a Nest controller a recurring job. Of all replicas one runs it at each of its times; a run is a
 * job like any other, with retries, a lease and a visible state.
 *
 * @throws MiswiredService when the options can't work
 */
export function Recurring(options: RecurringOptions): WorkMethod<RecurringRun> {
  const name = checkedWorkName(options.name);
  return workDecorator({
    name,
    recurring: {
      expression: new CronExpression(options.cron, options.timeZone ?? 'UTC'),
      missed: options.missed ?? 'run-once',
      overlap: options.overlap ?? 'skip',
    },
    retry: retryPolicyOf(`recurring job ${name}`, options, RECURRING_RETRY_DELAYS),
    ...workLimits(name, options),
  });
}

function workLimits(
  name: string,
  options: WorkOptions,
): { transaction: 'job' | 'deferred'; timeLimitMs: number } {
  const transaction = options.transaction ?? 'job';
  const timeLimitMs = parseDuration(options.timeLimit ?? TIME_LIMITS[transaction]);
  if (transaction === 'job' && timeLimitMs > LONGEST_IN_TRANSACTION_MS) {
    throw new MiswiredService(
      `job ${name}: a transaction must not be open for ${options.timeLimit}: say transaction: 'deferred', ` +
        `or a timeLimit of up to ${LONGEST_IN_TRANSACTION_MS / 1000}s`,
    );
  }
  return { transaction, timeLimitMs };
}

function workDecorator(description: WorkDescription): WorkMethod<never> {
  return (target, key, descriptor) => {
    passDataAndContext(target, key);
    Reflect.defineMetadata(WORK_METADATA, description, descriptor.value as object);
    EventPattern<string>(`${WORK_PATTERN_PREFIX}${description.name}`, WARREN_TRANSPORT, {
      warrenWork: description,
    })(target, key, descriptor);
  };
}
