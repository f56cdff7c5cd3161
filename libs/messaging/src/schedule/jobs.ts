import { validateInstance, type DataClass } from '@warren/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { v7 as uuidv7, validate as isUuid } from 'uuid';
import { AfterCommit, openTransactionOf } from '../database/after-commit.ts';
import { MiswiredService } from '../errors.ts';
import { currentFlow } from '../flow.ts';
import { currentTraceHeaders } from '../outbox/compose-message.ts';
import { jobOf, positiveInteger } from './define-job.ts';
import { checkedKey, checkedWhen, type When } from './due-time.ts';
import { insertJob } from './insert-job.ts';
import {
  isJobState,
  JOB_STATES,
  JOB_VIEW,
  type JobFilter,
  type JobStatus,
  type JobView,
} from './job-view.ts';
import { byIdOrKey } from './schedule.ts';

export type EnqueueOptions = {
  /**
   * Of one key at most one job waits for its first run: a later one takes the place of the earlier. A job that was
   * begun has given its key free.
   */
  key?: string;
  /** Default: that of the current flow, or the job's own id where there is none. */
  correlationId?: string;
} & (When | { at?: never; afterMs?: never });

const RETRIED_AT_ONCE = 1_000;

/** Background jobs: enqueued in the caller's transaction, run by a method with `@HandleJob`. */
export class Jobs {
  readonly #dataSource: DataSource;
  readonly #afterCommit: AfterCommit;
  readonly #onEnqueued: () => void;
  #handled: ReadonlySet<string> | undefined;

  /** @param onEnqueued called when there may be a new job to run */
  constructor(dataSource: DataSource, onEnqueued: () => void) {
    this.#dataSource = dataSource;
    this.#onEnqueued = onEnqueued;
    this.#afterCommit = new AfterCommit(dataSource, onEnqueued);
  }

  /** Says which jobs the service has handlers for; others can't be enqueued from then on. */
  handledHere(names: ReadonlySet<string>): void {
    this.#handled = names;
  }

  /**
   * Enqueues a job: to be run now, at a time (`at`) or after a delay (`afterMs`), if `tx` commits.
   *
   * @returns the job's id
   * @throws NotInTransaction when `tx` is not an open transaction
   * @throws MiswiredService when the class is no job, or nothing in the service handles it
   * @throws InvalidData when the payload is not what the class allows
   * @throws TypeError when the time or the key is none
   */
  async enqueue<T extends object>(
    tx: EntityManager,
    jobClass: DataClass<T>,
    payload: T,
    options: EnqueueOptions = {},
  ): Promise<string> {
    const runner = openTransactionOf(tx, 'enqueue');
    const { name, retry } = jobOf(jobClass);
    if (this.#handled?.has(name) === false) {
      throw new MiswiredService(
        `nothing here handles ${name}: add a controller method with @HandleJob(${jobClass.name})`,
      );
    }
    validateInstance(name, jobClass, payload, 'refuse');
    const key = checkedKey(options.key);
    const { at, afterMs } = options;
    const when = at === undefined && afterMs === undefined ? { afterMs: 0 } : checkedWhen(options as When);
    const id = uuidv7();
    const flow = currentFlow();
    await insertJob(tx, {
      id,
      name,
      key,
      payload,
      ...when,
      attempts: retry.attempts,
      correlationId: options.correlationId ?? flow?.correlationId ?? id,
      causationId: flow?.causationId ?? null,
      headers: currentTraceHeaders(),
    });
    this.#afterCommit.mark(runner);
    return id;
  }

  /**
   * Takes back a job that waits: for its time, for a free worker, or to be tried again.
   *
   * @returns whether it was in time
   * @throws NotInTransaction when `tx` is not an open transaction
   */
  async cancel(tx: EntityManager, idOrKey: string): Promise<boolean> {
    openTransactionOf(tx, 'cancel');
    const [condition, parameters] = byIdOrKey(idOrKey);
    const [, cancelled] = (await tx.query(
      `DELETE FROM jobs WHERE ${condition} AND state = 'waiting'`,
      parameters,
    )) as [unknown, number];
    return cancelled > 0;
  }

  /** @returns undefined for one that never was, was cancelled, or was done longer ago than the retention */
  async find(id: string): Promise<JobView | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = (await this.#dataSource.query(`SELECT ${JOB_VIEW} FROM jobs WHERE id = $1`, [
      id,
    ])) as JobView[];
    return row;
  }

  /** Jobs, the newest first. The next page begins before the id of the last one. */
  async list({ state, name, before, limit = 100 }: JobFilter = {}): Promise<JobView[]> {
    if (state !== undefined && !isJobState(state)) {
      throw new TypeError(`state "${String(state)}" is none: take one of ${JOB_STATES.join(', ')}`);
    }
    if (before !== undefined && !isUuid(before))
      throw new TypeError(`before must be the id of a job, not "${before}"`);
    return this.#dataSource.query(
      // The state is written out, so that the planner knows which index has it.
      `SELECT ${JOB_VIEW} FROM jobs
       WHERE ${state ? `state = '${state}'` : 'true'} AND ($1::text IS NULL OR name = $1)
         AND ($2::uuid IS NULL OR id < $2)
       ORDER BY id DESC LIMIT $3`,
      [name ?? null, before ?? null, Math.min(positiveInteger('limit', limit), 1_000)],
    );
  }

  /**
   * Runs a failed job again, with all its attempts.
   *
   * @returns false when there is no failed job with this id
   */
  async retry(id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return (await this.#retry('id = $1', [id])) > 0;
  }

  /**
   * Runs failed jobs again: all of them, or those of a name.
   *
   * @returns how many
   */
  async retryAll({ name }: { name?: string } = {}): Promise<number> {
    let total = 0;
    for (;;) {
      const retried = await this.#retry(
        `id IN (SELECT id FROM jobs WHERE state = 'failed' AND ($1::text IS NULL OR name = $1)
                ORDER BY id LIMIT ${RETRIED_AT_ONCE} FOR UPDATE SKIP LOCKED)`,
        [name ?? null],
      );
      total += retried;
      if (retried < RETRIED_AT_ONCE) return total;
    }
  }

  /**
   * Removes a failed job for good.
   *
   * @returns false when there is no failed job with this id
   */
  async discard(id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    const [, discarded] = (await this.#dataSource.query(
      `DELETE FROM jobs WHERE id = $1 AND state = 'failed'`,
      [id],
    )) as [unknown, number];
    return discarded > 0;
  }

  /** What there is of each name, but for what is done. */
  async status(): Promise<JobStatus[]> {
    return this.#dataSource.query(
      `SELECT name, count(*) FILTER (WHERE state = 'waiting')::int AS waiting,
         count(*) FILTER (WHERE state = 'running')::int AS running,
         count(*) FILTER (WHERE state = 'failed')::int AS failed,
         greatest(0, extract(epoch FROM now() - min(run_at) FILTER (WHERE state = 'waiting')))::float8
           AS "overdueSeconds"
       FROM jobs WHERE state <> 'done' GROUP BY name ORDER BY name`,
    );
  }

  async #retry(condition: string, parameters: unknown[]): Promise<number> {
    const [, retried] = (await this.#dataSource.query(
      `UPDATE jobs SET state = 'waiting', run_at = clock_timestamp(), attempt = 0, postponed = 0, crashes = 0,
         finished_at = NULL
       WHERE ${condition} AND state = 'failed'`,
      parameters,
    )) as [unknown, number];
    if (retried > 0) this.#onEnqueued();
    return retried;
  }
}
