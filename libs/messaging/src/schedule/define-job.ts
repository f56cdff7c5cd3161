import type { DataClass } from '@warren/contracts';
import { parseDuration } from '../duration.ts';
import { MiswiredService } from '../errors.ts';

export interface RetryOptions {
  /** How often a failing job is run in all. Default: once, and once after each waiting time. */
  attempts?: number;
  /** Waiting times after the first, second, … failure; the last is used again when there are more attempts. */
  retryDelays?: readonly string[];
}

export interface JobOptions extends RetryOptions {
  /** What the job is called in the database, once and for all: lower case, as in `thumbnails.rebuild`. */
  name: string;
}

export interface RetryPolicy {
  readonly attempts: number;
  readonly retryDelaysMs: readonly number[];
}

export interface JobDefinition<T extends object = object> {
  readonly name: string;
  readonly jobClass: DataClass<T>;
  readonly retry: RetryPolicy;
}

/** A day and a half of patience, since a job that failed for good needs a person. */
export const DEFAULT_JOB_RETRY_DELAYS: readonly string[] = ['5s', '30s', '5m', '30m', '2h', '8h', '24h'];

const NAME = /^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/;
const LONGEST_NAME = 100;
const definitions = new WeakMap<object, JobDefinition>();

/**
 * Declares the decorated class as the payload of a background job, constrained by class-validator's decorators.
 * A job belongs to one service: nobody else sees its payload.
 *
 * @throws MiswiredService when the options can't work
 */
export function DefineJob(options: JobOptions) {
  const name = checkedWorkName(options.name);
  const retry = retryPolicyOf(`job ${name}`, options, DEFAULT_JOB_RETRY_DELAYS);
  return <T extends object>(jobClass: DataClass<T>): void => {
    definitions.set(jobClass, { name, jobClass: jobClass as DataClass, retry });
  };
}

/** @throws MiswiredService when the class is no job */
export function jobOf<T extends object>(jobClass: DataClass<T>): JobDefinition<T> {
  const definition = definitions.get(jobClass);
  if (definition) return definition as JobDefinition<T>;
  throw new MiswiredService(
    `${jobClass?.name ?? String(jobClass)} is not a job: decorate it with @DefineJob`,
  );
}

/** @throws MiswiredService when it can't be the name of a job */
export function checkedWorkName(name: string): string {
  if (typeof name === 'string' && name.length <= LONGEST_NAME && NAME.test(name)) return name;
  throw new MiswiredService(
    `job "${name}" must be lower case words with dots or hyphens between them, as in thumbnails.rebuild`,
  );
}

/** @throws MiswiredService when the options can't work */
export function retryPolicyOf(
  what: string,
  { attempts, retryDelays }: RetryOptions,
  defaultDelays: readonly string[],
): RetryPolicy {
  const delays = retryDelays ?? defaultDelays;
  if (delays.length === 0 && attempts !== 1) {
    throw new MiswiredService(
      `${what}: retryDelays needs at least one delay; for a single run say attempts: 1`,
    );
  }
  const policy = { attempts: attempts ?? delays.length + 1, retryDelaysMs: delays.map(parseDuration) };
  positiveInteger(`${what}: attempts`, policy.attempts);
  return policy;
}

/** @throws MiswiredService when it is none */
export function positiveInteger(what: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new MiswiredService(`${what} must be a positive integer, not ${value}`);
}
