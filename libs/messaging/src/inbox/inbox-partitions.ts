import type { DataSource, QueryRunner } from 'typeorm';
import type { MessagingLogger } from '../logger.ts';
import { PARTITION_DAYS } from './inbox.ts';

const DAY_MS = 86_400_000;
const MAINTENANCE_INTERVAL_MS = 600_000;
const PRUNE_BATCH = 5_000;
/** How long a handled message is remembered, in days. Dead letters can be redriven for 30. */
export const INBOX_RETENTION_DAYS = 35;

/** The smallest UUID of a day: the first 48 bits of a UUIDv7 are its time in milliseconds. */
function dayBoundary(day: number): string {
  const hex = (day * DAY_MS).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

function partitionName(day: number): string {
  return `inbox_${new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

/** How long a change of the table may wait for others, and others for it. */
const LOCK_TIMEOUT = '2s';

async function partitionsOf(db: { query(sql: string): Promise<unknown> }): Promise<Set<string>> {
  const rows = (await db.query(
    `SELECT relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'inbox'::regclass`,
  )) as { relname: string }[];
  return new Set(rows.map(({ relname }) => relname));
}

/**
 * Creates the days that are needed and drops those that are too old. There is no default partition: attaching
 * beside one scans it under a lock. Days are attached and detached in the ways that let claims go on meanwhile.
 *
 * Source: https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE
 */
export async function maintainInboxPartitions(dataSource: DataSource, now = Date.now()): Promise<void> {
  const today = Math.floor(now / DAY_MS);
  const first = today - PARTITION_DAYS.past;
  await dataSource.transaction(async (tx) => {
    // Of several replicas one does the work, the others find it done.
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('warren.inbox'), hashtext(current_schema()))`);
    await tx.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    const existing = await partitionsOf(tx);
    for (let day = first; day <= today + PARTITION_DAYS.future; day += 1) {
      const name = partitionName(day);
      if (existing.has(name)) continue;
      await tx.query(`CREATE TABLE ${name} (LIKE inbox INCLUDING ALL)`);
      await tx.query(
        `ALTER TABLE inbox ATTACH PARTITION ${name} FOR VALUES FROM ('${dayBoundary(day)}') TO ('${dayBoundary(day + 1)}')`,
      );
    }
  });
  await dropOldPartitions(dataSource, partitionName(first));
}

interface OldPartition {
  name: string;
  /** `detaching` and `detached`: an earlier attempt was interrupted, as by a transaction that did not end in time. */
  state: 'attached' | 'detaching' | 'detached';
}

/** Those that an earlier attempt began with come first: nothing else can be detached meanwhile. */
async function olderThan(oldest: string, runner: QueryRunner): Promise<OldPartition[]> {
  return (await runner.query(
    `SELECT relname AS name,
            CASE WHEN inhrelid IS NULL THEN 'detached' WHEN inhdetachpending THEN 'detaching' ELSE 'attached' END AS state
     FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
     WHERE relnamespace = current_schema()::text::regnamespace AND relkind = 'r'
       AND relname ~ '^inbox_[0-9]{8}$' AND relname < $1
     ORDER BY inhdetachpending DESC NULLS LAST, relname`,
    [oldest],
  )) as OldPartition[];
}

async function dropOldPartitions(dataSource: DataSource, oldest: string): Promise<void> {
  const runner = dataSource.createQueryRunner();
  const lock = `hashtext('warren.inbox.drop'), hashtext(current_schema())`;
  try {
    const [row] = (await runner.query(`SELECT pg_try_advisory_lock(${lock}) AS ours`)) as { ours: boolean }[];
    if (!row!.ours) return; // another replica is at it
    try {
      for (const { name, state } of await olderThan(oldest, runner)) {
        if (state !== 'detached') {
          const how = state === 'detaching' ? 'FINALIZE' : 'CONCURRENTLY';
          await runner.query(`ALTER TABLE inbox DETACH PARTITION ${name} ${how}`);
        }
        await runner.query(`DROP TABLE ${name}`);
      }
    } finally {
      await runner.query(`SELECT pg_advisory_unlock(${lock})`);
    }
  } finally {
    await runner.release();
  }
}

/** Forgets what the plain table has held for longer than the retention, in small batches. */
export async function pruneInboxOther(dataSource: DataSource, signal: AbortSignal): Promise<void> {
  let removed = PRUNE_BATCH;
  while (removed === PRUNE_BATCH && !signal.aborted) {
    const [, count] = (await dataSource.query(
      `DELETE FROM inbox_other WHERE (consumer, source, message_id) IN (
         SELECT consumer, source, message_id FROM inbox_other
         WHERE handled_at < now() - $1 * interval '1 day' LIMIT $2)`,
      [INBOX_RETENTION_DAYS, PRUNE_BATCH],
    )) as [unknown, number];
    removed = count;
  }
}

/** Forgets redeliveries of messages that never came back. */
async function pruneRedeliveries(dataSource: DataSource): Promise<void> {
  await dataSource.query(`DELETE FROM redeliveries_begun WHERE last_at < now() - $1 * interval '1 day'`, [
    INBOX_RETENTION_DAYS,
  ]);
}

/** Keeps the inbox in shape as long as the service runs. */
export class InboxMaintenance {
  readonly #dataSource: DataSource;
  readonly #logger: MessagingLogger;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(dataSource: DataSource, logger: MessagingLogger) {
    this.#dataSource = dataSource;
    this.#logger = logger;
  }

  /** Creates what is needed now, then looks after it every ten minutes. */
  async start(): Promise<void> {
    await maintainInboxPartitions(this.#dataSource);
    this.#timer = setInterval(() => {
      this.#running = this.#maintain();
    }, MAINTENANCE_INTERVAL_MS).unref();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#timer);
    await this.#running;
  }

  async #maintain(): Promise<void> {
    try {
      await maintainInboxPartitions(this.#dataSource);
      await pruneInboxOther(this.#dataSource, this.#stopping.signal);
      await pruneRedeliveries(this.#dataSource);
    } catch (error) {
      // Partitions reach a week ahead: there are many more tries before one is missing.
      this.#logger.error(
        `the inbox could not be maintained, next try in ten minutes: ${(error as Error).message}`,
      );
    }
  }
}
