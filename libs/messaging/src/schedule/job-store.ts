import type { DataSource, EntityManager } from 'typeorm';
import { LeaseLost, type JobOutcome } from './job-outcome.ts';

/** A job that this worker has the lease of. */
export interface TakenJob {
  readonly id: string;
  readonly name: string;
  readonly payload: object;
  /** This run included. */
  readonly attempt: number;
  readonly attempts: number;
  readonly postponed: number;
  /** Of this run alone: whoever has another token has another run. */
  readonly leaseToken: string;
  readonly scheduledFor: Date | null;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly headers: Record<string, string>;
  readonly createdAt: Date;
}

export interface Slots {
  name: string;
  /** How many jobs of the name may be taken. */
  free: number;
}

/** After so many runs in a row that ended with their worker, a job has failed. */
export const TOLERATED_CRASHES = 5;
const REAPED_AT_ONCE = 100;

/** What is due, name by name, so that many jobs of one name don't hide those of another. */
const TAKE = `
  WITH picked AS MATERIALIZED (
    SELECT j.id FROM unnest($1::text[], $2::integer[]) AS wanted (name, free)
    CROSS JOIN LATERAL (
      SELECT id, run_at FROM jobs WHERE state = 'waiting' AND name = wanted.name AND run_at <= now()
      ORDER BY run_at, id LIMIT wanted.free FOR UPDATE SKIP LOCKED
    ) AS j
    ORDER BY j.run_at, j.id LIMIT $3
  )
  UPDATE jobs SET state = 'running', begun = true, attempt = attempt + 1, lease_token = gen_random_uuid(),
    lease_until = clock_timestamp() + $4 * interval '1 millisecond', worker = $5, started_at = clock_timestamp(),
    finished_at = NULL
  FROM picked WHERE jobs.id = picked.id
  RETURNING jobs.id, name, payload, attempt, attempts, postponed, lease_token AS "leaseToken",
    scheduled_for AS "scheduledFor", correlation_id AS "correlationId", causation_id AS "causationId", headers,
    created_at AS "createdAt"`;

const LOOK = `
  SELECT
    (SELECT (extract(epoch FROM min(j.run_at) - clock_timestamp()) * 1000)::float8 FROM unnest($1::text[]) AS n (name)
     CROSS JOIN LATERAL (
       SELECT run_at FROM jobs WHERE state = 'waiting' AND name = n.name ORDER BY run_at, id LIMIT 1
     ) AS j) AS "nextInMs",
    EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < now()) AS "anyExpired"`;

/*
 * A run in a transaction holds the lock of its row, so it is skipped however long it takes; the lock of one whose
 * process died went with its connection.
 */
const REAP = `
  UPDATE jobs SET crashes = crashes + 1, lease_token = NULL, lease_until = NULL, run_at = clock_timestamp(),
    state = CASE WHEN attempt >= attempts OR crashes + 1 >= $1 THEN 'failed' ELSE 'waiting' END,
    finished_at = CASE WHEN attempt >= attempts OR crashes + 1 >= $1 THEN clock_timestamp() END,
    last_error = format('worker %s was not heard of for longer than its lease, for the %s. time', worker, crashes + 1),
    last_error_stack = NULL
  WHERE id IN (
    SELECT id FROM jobs WHERE state = 'running' AND lease_until < now()
    ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED
  )
  RETURNING id, name, state, last_error AS "lastError"`;

/*
 * One that is locked is being completed at this moment. It is not renewed, which would wait for that, and is not
 * lost either.
 */
const RENEW = `
  WITH mine AS (
    SELECT id FROM jobs JOIN unnest($1::uuid[], $2::uuid[]) AS held (id, token) USING (id)
    WHERE state = 'running' AND lease_token = token
  ), free AS (
    SELECT id FROM jobs WHERE id IN (SELECT id FROM mine) FOR UPDATE SKIP LOCKED
  ), renewed AS (
    UPDATE jobs SET lease_until = clock_timestamp() + $3 * interval '1 millisecond'
    WHERE id IN (SELECT id FROM free)
  )
  SELECT id FROM mine`;

/** The worker's statements. None leaves anything locked behind it. */
export class JobStore {
  readonly #dataSource: DataSource;
  readonly #worker: string;
  readonly #leaseMs: number;

  /** @param worker whose name is shown with the jobs that it runs */
  constructor(dataSource: DataSource, worker: string, leaseMs: number) {
    this.#dataSource = dataSource;
    this.#worker = worker;
    this.#leaseMs = leaseMs;
  }

  /** @returns when the next job of these names is due, in milliseconds from now, if there is any */
  async look(names: readonly string[]): Promise<{ nextInMs: number | null; anyExpired: boolean }> {
    const [row] = (await this.#dataSource.query(LOOK, [names])) as {
      nextInMs: number | null;
      anyExpired: boolean;
    }[];
    return row!;
  }

  async take(slots: readonly Slots[], limit: number): Promise<TakenJob[]> {
    const [jobs] = (await this.#dataSource.query(TAKE, [
      slots.map(({ name }) => name),
      slots.map(({ free }) => free),
      limit,
      this.#leaseMs,
      this.#worker,
    ])) as [TakenJob[], number];
    return jobs;
  }

  /** Takes jobs from workers that are gone. */
  async reap(): Promise<{ id: string; name: string; state: 'waiting' | 'failed'; lastError: string }[]> {
    const [reaped] = await this.#dataSource.query(REAP, [TOLERATED_CRASHES, REAPED_AT_ONCE]);
    return reaped;
  }

  /** @returns the ids of those that are this worker's still */
  async renew(jobs: readonly TakenJob[]): Promise<Set<string>> {
    const rows = (await this.#dataSource.query(RENEW, [
      jobs.map(({ id }) => id),
      jobs.map(({ leaseToken }) => leaseToken),
      this.#leaseMs,
    ])) as { id: string }[];
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * Writes down what a run came to that had no effect.
   *
   * @returns false when there was nothing to write: the job is done, or is not this run's any more
   */
  async record(job: TakenJob, outcome: JobOutcome): Promise<boolean> {
    switch (outcome.kind) {
      case 'done':
      case 'lost':
        return false;
      case 'given-back':
        return this.#settle(job, `state = 'waiting', attempt = attempt - 1, run_at = clock_timestamp()`);
      case 'retry':
        return this.#settle(
          job,
          `state = 'waiting', run_at = clock_timestamp() + $3 * interval '1 millisecond', postponed = 0, crashes = 0,
           last_error = $4, last_error_stack = $5`,
          [outcome.delayMs, ...errorColumns(outcome.error)],
        );
      case 'postponed':
        return this.#settle(
          job,
          `state = 'waiting', run_at = clock_timestamp() + $3 * interval '1 millisecond', attempt = attempt - 1,
           postponed = postponed + 1, crashes = 0, last_error = $4, last_error_stack = $5`,
          [outcome.delayMs, ...errorColumns(outcome.error)],
        );
      case 'failed':
        return this.#settle(
          job,
          `state = 'failed', finished_at = clock_timestamp(), postponed = 0, crashes = 0, last_error = $3,
           last_error_stack = $4`,
          errorColumns(outcome.error),
        );
    }
  }

  async #settle(job: TakenJob, assignments: string, parameters: readonly unknown[] = []): Promise<boolean> {
    const [, settled] = (await this.#dataSource.query(
      `UPDATE jobs SET ${assignments}, lease_token = NULL, lease_until = NULL
       WHERE id = $1 AND lease_token = $2 AND state = 'running'`,
      [job.id, job.leaseToken, ...parameters],
    )) as [unknown, number];
    return settled > 0;
  }
}

/**
 * Makes sure, at the beginning of its transaction, that a run is still this worker's, and that it stays so.
 *
 * @throws LeaseLost when it is not
 */
export async function claimRun(tx: EntityManager, job: TakenJob): Promise<void> {
  const rows = (await tx.query(
    `SELECT 1 FROM jobs WHERE id = $1 AND lease_token = $2 AND state = 'running' FOR UPDATE`,
    [job.id, job.leaseToken],
  )) as unknown[];
  if (rows.length === 0) throw new LeaseLost(`${job.name} ${job.id}`);
}

/** Marks a job as done, at the end of the transaction of its effect. */
export async function completeRun(tx: EntityManager, job: TakenJob): Promise<void> {
  await tx.query(
    `WITH done AS (
       UPDATE jobs SET state = 'done', finished_at = clock_timestamp(), postponed = 0, crashes = 0,
         lease_token = NULL, lease_until = NULL, last_error = NULL, last_error_stack = NULL
       WHERE id = $1 RETURNING recurring, finished_at
     )
     UPDATE recurring_jobs SET last_success_at = done.finished_at FROM done WHERE name = done.recurring`,
    [job.id],
  );
}

/** PostgreSQL's text has no NUL, and a row is no place for a megabyte of stack. */
function errorColumns(error: Error): [string, string | null] {
  const fit = (text: string, length: number) => text.replaceAll('\0', '\uFFFD').slice(0, length);
  const name = error.name && error.name !== 'Error' ? `${error.name}: ` : '';
  return [fit(`${name}${error.message}`, 2_000), error.stack ? fit(error.stack, 8_000) : null];
}
