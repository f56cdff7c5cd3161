import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { CronExpression } from './cron-expression.ts';
import type { JobState } from './job-view.ts';
import { nextAfter } from './recurring-store.ts';

export interface RecurringJobView {
  name: string;
  cron: string;
  timeZone: string;
  paused: boolean;
  /** Null while it is paused. */
  nextRunAt: Date | null;
  /** Null before the first. */
  lastRun: {
    jobId: string;
    /** The time that it was for. */
    scheduledFor: Date;
    state: JobState;
    startedAt: Date | null;
    finishedAt: Date | null;
    lastError: string | null;
  } | null;
  lastSuccessAt: Date | null;
  /** The last time that had no run, and why: nobody was there, or the run before had not ended. */
  lastSkipped: { scheduledFor: Date; reason: 'missed' | 'overlap' } | null;
}

interface Row {
  name: string;
  cron: string;
  timeZone: string;
  paused: boolean;
  nextRunAt: Date;
  jobId: string | null;
  scheduledFor: Date;
  state: JobState;
  startedAt: Date | null;
  finishedAt: Date | null;
  lastError: string | null;
  lastSuccessAt: Date | null;
  skippedFor: Date | null;
  skipReason: 'missed' | 'overlap';
}

const VIEW = `
  SELECT r.name, cron, time_zone AS "timeZone", paused_at IS NOT NULL AS paused, next_run_at AS "nextRunAt",
    j.id AS "jobId", last_scheduled_for AS "scheduledFor", state, started_at AS "startedAt",
    finished_at AS "finishedAt", last_error AS "lastError", last_success_at AS "lastSuccessAt",
    last_skipped_for AS "skippedFor", last_skip_reason AS "skipReason"
  FROM recurring_jobs r LEFT JOIN jobs j ON j.id = r.last_job_id`;

/** The recurring jobs of a service, as they stand in its database: what was when, what is next. */
export class RecurringJobs {
  readonly #dataSource: DataSource;
  readonly #onChanged: () => void;

  /** @param onChanged called when there may be a new job to run, or a time has changed */
  constructor(dataSource: DataSource, onChanged: () => void) {
    this.#dataSource = dataSource;
    this.#onChanged = onChanged;
  }

  /** All of them, by name. One that no version declares any more is listed for another day. */
  async list(): Promise<RecurringJobView[]> {
    const rows = (await this.#dataSource.query(`${VIEW} ORDER BY r.name`)) as Row[];
    return rows.map(viewOf);
  }

  async find(name: string): Promise<RecurringJobView | undefined> {
    const [row] = (await this.#dataSource.query(`${VIEW} WHERE r.name = $1`, [name])) as Row[];
    return row && viewOf(row);
  }

  /**
   * Runs it now, beside its times, paused or not.
   *
   * @returns the id of the job, or undefined when there is no such recurring job
   */
  async runNow(name: string): Promise<string | undefined> {
    const id = uuidv7();
    const rows = (await this.#dataSource.query(
      `WITH fired AS (
         UPDATE recurring_jobs SET last_job_id = $2, last_scheduled_for = now() WHERE name = $1
         RETURNING name, attempts, last_scheduled_for
       )
       INSERT INTO jobs (id, name, payload, run_at, attempts, recurring, scheduled_for, correlation_id, headers)
       SELECT $2::uuid, name, json_build_object('scheduledFor', last_scheduled_for), now(), attempts, name,
         last_scheduled_for, $2::text, '{}' FROM fired
       RETURNING id`,
      [name, id],
    )) as unknown[];
    if (rows.length === 0) return undefined;
    this.#onChanged();
    return id;
  }

  /**
   * Has no runs until it is resumed. A deployment does not resume it.
   *
   * @returns false when there is no such recurring job, or it is paused already
   */
  async pause(name: string): Promise<boolean> {
    const [, paused] = (await this.#dataSource.query(
      `UPDATE recurring_jobs SET paused_at = now() WHERE name = $1 AND paused_at IS NULL`,
      [name],
    )) as [unknown, number];
    return paused > 0;
  }

  /**
   * Goes on with the next time from now; those in between are not made up for.
   *
   * @returns false when there is no such recurring job, or it is not paused
   */
  async resume(name: string): Promise<boolean> {
    const [row] = (await this.#dataSource.query(
      `SELECT cron, time_zone AS "timeZone", now() AS now FROM recurring_jobs
       WHERE name = $1 AND paused_at IS NOT NULL`,
      [name],
    )) as { cron: string; timeZone: string; now: Date }[];
    if (!row) return false;
    const next = nextAfter(new CronExpression(row.cron, row.timeZone, row.now), row.now, null);
    const [, resumed] = (await this.#dataSource.query(
      `UPDATE recurring_jobs SET paused_at = NULL, next_run_at = $2 WHERE name = $1 AND paused_at IS NOT NULL`,
      [name, next],
    )) as [unknown, number];
    this.#onChanged();
    return resumed > 0;
  }
}

function viewOf(row: Row): RecurringJobView {
  const { name, cron, timeZone, paused, lastSuccessAt } = row;
  return {
    name,
    cron,
    timeZone,
    paused,
    nextRunAt: paused ? null : row.nextRunAt,
    lastRun:
      row.jobId === null
        ? null
        : {
            jobId: row.jobId,
            scheduledFor: row.scheduledFor,
            state: row.state,
            startedAt: row.startedAt,
            finishedAt: row.finishedAt,
            lastError: row.lastError,
          },
    lastSuccessAt,
    lastSkipped: row.skippedFor === null ? null : { scheduledFor: row.skippedFor, reason: row.skipReason },
  };
}
