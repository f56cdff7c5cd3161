export const JOB_STATES = ['waiting', 'running', 'done', 'failed'] as const;
/**
 * `waiting`: for its time, a free worker, or to be tried again. `running`: a worker has it. `done`: its effect is
 * committed. `failed`: for good, kept until somebody retries or discards it.
 */
export type JobState = (typeof JOB_STATES)[number];

export function isJobState(text: string): text is JobState {
  return (JOB_STATES as readonly string[]).includes(text);
}

/** What is shown of a job. */
export interface JobView {
  id: string;
  name: string;
  key: string | null;
  payload: object;
  state: JobState;
  /** When it runs next, or was to run when it was taken. */
  runAt: Date;
  /** Runs that were begun; those that cost no attempt are not counted. */
  attempt: number;
  /** Runs at most. */
  attempts: number;
  enqueuedAt: Date;
  /** Of its last run. */
  startedAt: Date | null;
  /** When it was done or failed for good. */
  finishedAt: Date | null;
  /** Process that ran it last. */
  worker: string | null;
  lastError: string | null;
  lastErrorStack: string | null;
  correlationId: string;
}

export interface JobFilter {
  state?: JobState;
  name?: string;
  /** The id of the last job of the page before. */
  before?: string;
  /** Default 100, at most 1,000. */
  limit?: number;
}

export interface JobStatus {
  name: string;
  waiting: number;
  running: number;
  failed: number;
  /** How long the oldest has been due, in seconds; 0 when none is late. */
  overdueSeconds: number;
}

export const JOB_VIEW = `id, name, key, payload, state, run_at AS "runAt", attempt, attempts,
  created_at AS "enqueuedAt", started_at AS "startedAt", finished_at AS "finishedAt", worker,
  last_error AS "lastError", last_error_stack AS "lastErrorStack", correlation_id AS "correlationId"`;
