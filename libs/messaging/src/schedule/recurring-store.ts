import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { CronExpression } from './cron-expression.ts';
import type { WorkDescription } from './handle-job.ts';

/** A recurring job whose time has come. */
export interface DueRecurring {
  name: string;
  cron: string;
  timeZone: string;
  missed: 'run-once' | 'skip';
  overlap: 'skip' | 'allow';
  attempts: number;
  /** As the database writes it, to the microsecond: whoever still finds it there fires. */
  seen: string;
  scheduledFor: Date;
  now: Date;
  lateMs: number;
  /** Whether the last run waits, runs, or is retried. */
  busy: boolean;
}

const DUE = `
  SELECT r.name, cron, time_zone AS "timeZone", missed, overlap, r.attempts, next_run_at::text AS seen,
    next_run_at AS "scheduledFor", now() AS now,
    (extract(epoch FROM now() - next_run_at) * 1000)::float8 AS "lateMs",
    EXISTS (SELECT 1 FROM jobs WHERE id = r.last_job_id AND state IN ('waiting', 'running')) AS busy
  FROM recurring_jobs r
  WHERE r.name = ANY ($1) AND paused_at IS NULL AND next_run_at <= now()`;

const NEXT = `
  SELECT (extract(epoch FROM min(next_run_at) - clock_timestamp()) * 1000)::float8 AS "inMs"
  FROM recurring_jobs WHERE name = ANY ($1) AND paused_at IS NULL`;

/*
 * Compare and set, with the job in the same statement: of all replicas that see the time come one has the row
 * changed, and so the job inserted. Nothing stays locked.
 */
const FIRE = `
  WITH fired AS (
    UPDATE recurring_jobs SET next_run_at = $3, last_scheduled_for = next_run_at, last_job_id = $4
    WHERE name = $1 AND next_run_at = $2::timestamptz AND paused_at IS NULL
    RETURNING name, attempts, last_scheduled_for
  )
  INSERT INTO jobs (id, name, payload, run_at, attempts, recurring, scheduled_for, correlation_id, headers)
  SELECT $4::uuid, name, json_build_object('scheduledFor', last_scheduled_for), clock_timestamp(), attempts, name,
    last_scheduled_for, $4::text, '{}' FROM fired
  RETURNING id`;

const SKIP = `
  UPDATE recurring_jobs SET next_run_at = $3, last_skipped_for = next_run_at, last_skip_reason = $4
  WHERE name = $1 AND next_run_at = $2::timestamptz AND paused_at IS NULL`;

/*
 * What stands there already keeps its next time, so that one that was missed is found, unless the expression is
 * another now. A next time that lies too far ahead comes from a clock that was wrong.
 */
const DECLARE = `
  INSERT INTO recurring_jobs AS r (name, cron, time_zone, missed, overlap, attempts, next_run_at, declared_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, now())
  ON CONFLICT (name) DO UPDATE SET
    cron = excluded.cron, time_zone = excluded.time_zone, missed = excluded.missed, overlap = excluded.overlap,
    attempts = excluded.attempts, declared_at = excluded.declared_at,
    next_run_at = CASE WHEN r.cron = excluded.cron AND r.time_zone = excluded.time_zone
      THEN least(r.next_run_at, excluded.next_run_at) ELSE excluded.next_run_at END`;

const STILL_DECLARED = `UPDATE recurring_jobs SET declared_at = now() WHERE name = ANY ($1)`;
/** What no replica has declared for a day is of no version any more. */
const FORGET = `DELETE FROM recurring_jobs WHERE declared_at < now() - interval '1 day'`;

/** The statements of recurring jobs. */
export class RecurringStore {
  readonly #dataSource: DataSource;

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  /** Writes down what this version of the service declares. Of two versions that run, the one started last counts. */
  async declare(descriptions: readonly WorkDescription[]): Promise<void> {
    for (const { name, recurring, retry } of descriptions) {
      const { expression, missed, overlap } = recurring!;
      const [row] = (await this.#dataSource.query(
        `SELECT now() AS now, (SELECT last_scheduled_for FROM recurring_jobs WHERE name = $1) AS last`,
        [name],
      )) as { now: Date; last: Date | null }[];
      // Not before the last one, or a clock that was set back would bring it again.
      const next = nextAfter(expression, row!.now, row!.last);
      const { cron, timeZone } = expression;
      await this.#dataSource.query(DECLARE, [name, cron, timeZone, missed, overlap, retry.attempts, next]);
    }
    await this.#dataSource.query(FORGET);
  }

  /**
   * Says that these are declared still, whatever their times are by now, and forgets others.
   *
   * @returns false when one is missing
   */
  async stillDeclare(names: readonly string[]): Promise<boolean> {
    const [, found] = (await this.#dataSource.query(STILL_DECLARED, [names])) as [unknown, number];
    await this.#dataSource.query(FORGET);
    return found === names.length;
  }

  async due(names: readonly string[]): Promise<DueRecurring[]> {
    return this.#dataSource.query(DUE, [names]);
  }

  /** @returns milliseconds until the next is due; null when there is none */
  async nextInMs(names: readonly string[]): Promise<number | null> {
    const [row] = (await this.#dataSource.query(NEXT, [names])) as { inMs: number | null }[];
    return row!.inMs;
  }

  /** @returns whether this replica was the one */
  async fire({ name, seen }: DueRecurring, next: Date): Promise<boolean> {
    const rows = (await this.#dataSource.query(FIRE, [name, seen, next, uuidv7()])) as unknown[];
    return rows.length > 0;
  }

  async skip({ name, seen }: DueRecurring, next: Date, reason: 'missed' | 'overlap'): Promise<boolean> {
    const [, skipped] = (await this.#dataSource.query(SKIP, [name, seen, next, reason])) as [unknown, number];
    return skipped > 0;
  }
}

/** @throws Error when there is none before the year 10,000 */
export function nextAfter(expression: CronExpression, now: Date, last: Date | null): Date {
  const next = expression.next(last !== null && last > now ? last : now);
  if (next) return next;
  throw new Error(`cron "${expression.cron}" has no time after ${now.toISOString()}`);
}
