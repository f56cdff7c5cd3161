import { InvalidData } from '@warren/contracts';
import { isDatabaseAway } from '../database/database-errors.ts';
import { jitteredDelay } from '../delivery/retry-policy.ts';
import { DependencyUnavailable, PermanentFailure } from '../errors.ts';

/** The job was given to another worker, since this one was not heard of for as long as its lease. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  constructor(job: string) {
    super(`${job} is not this worker's any more: its lease had run out, or somebody else changed it`);
  }
}

/** A run took longer than its time limit. */
export class TimeLimitExceeded extends Error {
  override readonly name = 'TimeLimitExceeded';
  constructor(job: string, ms: number) {
    super(`${job} took longer than its time limit of ${ms / 1000} s`);
  }
}

/** The service stops, and the run did not end before the deadline. */
export class WorkerStopped extends Error {
  override readonly name = 'WorkerStopped';
  constructor(job: string) {
    super(`the service stops while ${job} runs; it is given back`);
  }
}

/** What one run of a job came to. */
export type JobOutcome =
  /** `lateError`: what its handler threw after its effect was committed. */
  | { kind: 'done'; lateError?: Error }
  /** Costs an attempt. */
  | { kind: 'retry'; delayMs: number; error: Error }
  /** Something is away; costs no attempt. */
  | { kind: 'postponed'; delayMs: number; error: Error }
  /** For good. */
  | { kind: 'failed'; error: Error }
  /** Costs no attempt and is due at once. */
  | { kind: 'given-back' }
  /** Somebody else's; nothing is to be done. */
  | { kind: 'lost'; error: Error };

/** How long a job waits for something that is away: it doubles with each time, from 1 s to a minute. */
const FIRST_POSTPONEMENT_MS = 1_000;
const LONGEST_POSTPONEMENT_MS = 60_000;

/** What an error means for its job. */
export function jobOutcomeOf(
  thrown: unknown,
  job: { attempt: number; attempts: number; postponed: number },
  retryDelaysMs: readonly number[],
): JobOutcome {
  const error = asError(thrown);
  if (error instanceof LeaseLost) return { kind: 'lost', error };
  if (error instanceof WorkerStopped) return { kind: 'given-back' };
  if (error instanceof PermanentFailure || error instanceof InvalidData) return { kind: 'failed', error };
  if (error instanceof DependencyUnavailable || isDatabaseAway(error)) {
    const delay = Math.min(FIRST_POSTPONEMENT_MS * 2 ** job.postponed, LONGEST_POSTPONEMENT_MS);
    return { kind: 'postponed', delayMs: jitteredDelay(delay), error };
  }
  if (job.attempt >= job.attempts) return { kind: 'failed', error };
  const delay = retryDelaysMs[Math.min(job.attempt - 1, retryDelaysMs.length - 1)] ?? 0;
  return { kind: 'retry', delayMs: jitteredDelay(delay), error };
}

export function asError(thrown: unknown): Error {
  // Not by instanceof: errors of Node's own modules may be of another realm.
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return thrown as Error;
  return new Error(`something was thrown that is no Error: ${String(thrown)}`);
}
