import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { ConfigurationError } from '../config.ts';

/** Times are milliseconds since 1970. */
const SCHEMA = `
  CREATE TABLE payments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'declined')),
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),
    prospect TEXT CHECK (prospect IN ('approved', 'declined')),
    decide_at INTEGER CHECK (decide_at IS NULL OR (status = 'pending' AND prospect IS NOT NULL)),
    created_at INTEGER NOT NULL,
    CHECK (refunded = 0 OR status = 'approved')
  ) STRICT;
  CREATE INDEX payments_by_reference ON payments (reference, seq);
  CREATE INDEX payments_to_decide ON payments (decide_at) WHERE decide_at IS NOT NULL;

  CREATE TABLE refunds (
    id TEXT NOT NULL PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES payments (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX refunds_of_payment ON refunds (payment_id);

  CREATE TABLE idempotency_keys (
    key TEXT NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE callbacks (
    id TEXT NOT NULL PRIMARY KEY,
    payment_id TEXT NOT NULL UNIQUE REFERENCES payments (id),
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER,
    delivered_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX callbacks_to_send ON callbacks (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
`;
const VERSION = 1;

/** SQLite's result code for a file that another process has. */
const SQLITE_BUSY = 5;

/** The payments of the sandbox, in one file. What is committed survives the process and the machine. */
export class Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws ConfigurationError when the directory can't be used. */
  constructor(directory: string) {
    try {
      mkdirSync(directory, { recursive: true });
      this.#connection = new DatabaseSync(join(directory, 'sandbox.db'), { timeout: 0 });
      // One process alone: two would both send every callback.
      this.#connection.exec(`
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
      `);
      this.transaction(() => this.#migrate());
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
      throw new ConfigurationError([
        { variable: 'WARREN_SANDBOX_DIRECTORY', problem: whyUnusable(directory, error) },
      ]);
    }
  }

  #migrate(): void {
    const { user_version: version } = this.row<{ user_version: number }>('PRAGMA user_version')!;
    if (version === VERSION) return;
    if (version !== 0) {
      const problem = `holds payments of another version (${version}, not ${VERSION}): empty it`;
      throw new ConfigurationError([{ variable: 'WARREN_SANDBOX_DIRECTORY', problem }]);
    }
    this.#connection.exec(`${SCHEMA}; PRAGMA user_version = ${VERSION}`);
  }

  /** Commits what `work` did, or nothing of it when it throws. */
  transaction<T>(work: () => T): T {
    this.#connection.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#connection.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  row<Row extends object>(sql: string, ...values: (string | number | null | Uint8Array)[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  rows<Row extends object>(sql: string, ...values: (string | number)[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  /** @returns how many rows were changed */
  run(sql: string, ...values: (string | number | null | Uint8Array)[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  close(): void {
    this.#connection.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#connection.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function whyUnusable(directory: string, error: unknown): string {
  const { errcode, message } = error as { errcode?: number; message: string };
  return errcode === SQLITE_BUSY
    ? `is in use by another process: ${directory}`
    : `can not be used: ${directory}: ${message}`;
}
