import { setTimeout as sleep } from 'node:timers/promises';
import { createDataSource } from '@warren/messaging';
import { DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { waitForDatabase, type WaitOptions } from './wait-for-database.ts';

export interface MigrateOptions extends WaitOptions {
  url: string;
  schema: string;
  migrations: Function[];
}

const POLL_MS = 250;
/** PostgreSQL: the role may not do this. */
const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Runs the migrations that the schema lacks, each in a transaction of its own, and returns their names. Any number of
 * replicas may call this at once: one works, the others wait for it.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const dataSource = migrationDataSource(options);
  await waitForDatabase(dataSource, options);
  const runner = dataSource.createQueryRunner();
  try {
    await lock(runner, options);
    await ensureSchema(runner, options.schema);
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'each';
    const done = await executor.executePendingMigrations();
    for (const { name } of done) options.log.log(`migrated: ${name}`);
    return done.map(({ name }) => name);
  } finally {
    // The lock belongs to the connection and goes with it, also when this process is killed.
    await runner.release();
    await dataSource.destroy();
  }
}

/** Waits, visibly, until somebody else has run all migrations that this version knows. */
export async function waitForMigrations(dataSource: DataSource, { log, signal }: WaitOptions): Promise<void> {
  let told = '';
  for (;;) {
    signal?.throwIfAborted();
    const names = (await new MigrationExecutor(dataSource).getPendingMigrations()).map(({ name }) => name);
    if (names.length === 0) return;
    const message = `waiting for ${names.length} migrations (${names.join(', ')}): run the command "migrate" of this version`;
    if (message !== told) log.warn(message);
    told = message;
    await sleep(POLL_MS, undefined, signal && { signal });
  }
}

/** One connection, and none of the deadlines that hold for ordinary statements: a migration may take long. */
function migrationDataSource({ url, schema, migrations }: MigrateOptions): DataSource {
  const { options } = createDataSource({
    url,
    schema,
    entities: [],
    migrations,
    poolSize: 1,
    applicationName: `${schema} migrate`,
  });
  const { extra } = options as { extra?: object };
  return new DataSource({
    ...options,
    extra: { ...extra, statement_timeout: 0, query_timeout: 0 },
  } as typeof options);
}

async function lock(runner: QueryRunner, { schema, log, signal }: MigrateOptions): Promise<void> {
  for (let first = true; ; first = false) {
    signal?.throwIfAborted();
    const rows = (await runner.query('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken', [
      `warren migrations of ${schema}`,
    ])) as [{ taken: boolean }];
    if (rows[0].taken) return;
    if (first) log.log('another replica migrates; waiting for it');
    await sleep(POLL_MS, undefined, signal && { signal });
  }
}

/** In production an operator makes the schema and gives it to the role; the role itself may make nothing beside it. */
async function ensureSchema(runner: QueryRunner, schema: string): Promise<void> {
  const found = (await runner.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])) as unknown[];
  if (found.length > 0) return;
  try {
    await runner.query(`CREATE SCHEMA ${schema}`);
  } catch (error) {
    if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new Error(
      `the schema "${schema}" does not exist and this role may not make it: as an administrator, run CREATE SCHEMA ${schema} AUTHORIZATION <the role>`,
      { cause: error },
    );
  }
}
