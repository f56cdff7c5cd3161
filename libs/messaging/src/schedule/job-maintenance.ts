import type { DataSource } from 'typeorm';
import type { MessagingLogger } from '../logger.ts';
import { DueLoop } from './due-loop.ts';

const INTERVAL_MS = 60_000;
const PRUNED_AT_ONCE = 1_000;
/** How often it is said that jobs wait which nothing here handles. */
const UNHANDLED_EVERY_MS = 3_600_000;
/** A replica of an older version finds jobs of a newer one; those of no version wait longer. */
const UNHANDLED_AFTER = `interval '10 minutes'`;

/*
 * Failed runs of a recurring job are history, and are not for retrying: its next time comes. The last run of each
 * is kept, for it is shown.
 */
const PRUNE = [`state = 'done'`, `recurring IS NOT NULL AND state = 'failed'`].map(
  (what) => `
  DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs j WHERE ${what} AND finished_at < now() - $1 * interval '1 millisecond'
      AND NOT EXISTS (SELECT 1 FROM recurring_jobs WHERE last_job_id = j.id)
    ORDER BY finished_at LIMIT ${PRUNED_AT_ONCE} FOR UPDATE SKIP LOCKED
  )`,
);

/** Forgets what was done long enough ago, and tells of jobs that nobody will do. */
export class JobMaintenance {
  readonly #dataSource: DataSource;
  readonly #handled: readonly string[];
  readonly #retentionMs: number;
  readonly #logger: MessagingLogger;
  readonly #loop: DueLoop;
  #stopping = false;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param handled names of the jobs that the service has handlers for */
  constructor(
    dataSource: DataSource,
    handled: readonly string[],
    retentionMs: number,
    logger: MessagingLogger,
  ) {
    this.#dataSource = dataSource;
    this.#handled = handled;
    this.#retentionMs = retentionMs;
    this.#logger = logger;
    this.#loop = new DueLoop({
      what: 'old jobs',
      pollIntervalMs: INTERVAL_MS,
      logger,
      work: () => this.#maintain(),
    });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loop.stop();
  }

  async #maintain(): Promise<number> {
    for (const statement of PRUNE) await this.#prune(statement);
    if (performance.now() - this.#toldAt > UNHANDLED_EVERY_MS) await this.#tellOfUnhandled();
    return INTERVAL_MS;
  }

  async #prune(statement: string): Promise<void> {
    let pruned = PRUNED_AT_ONCE;
    while (pruned === PRUNED_AT_ONCE && !this.#stopping) {
      [, pruned] = (await this.#dataSource.query(statement, [this.#retentionMs])) as [unknown, number];
    }
  }

  async #tellOfUnhandled(): Promise<void> {
    const names = (await this.#dataSource.query(
      `SELECT name, count(*)::int AS jobs FROM jobs
       WHERE state = 'waiting' AND name <> ALL ($1) AND run_at < now() - ${UNHANDLED_AFTER} GROUP BY name`,
      [this.#handled],
    )) as { name: string; jobs: number }[];
    this.#toldAt = performance.now();
    for (const { name, jobs } of names) {
      this.#logger.warn(
        `${jobs} jobs ${name} wait and nothing here handles them: add a method with @HandleJob, or cancel them`,
      );
    }
  }
}
