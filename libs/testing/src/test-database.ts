import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { testServers } from './config.ts';

/** A PostgreSQL database that belongs to one test. */
export interface TestDatabase {
  /** URL of the database, with a superuser's credentials. */
  readonly url: string;
  readonly name: string;
  /** Runs one statement on a connection of its own. */
  query<Row extends object = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  /** Ends every connection to the database, as a crash of its server would. Returns how many there were. */
  closeConnections(): Promise<number>;
  /** Drops the database even when connections are open. May be called twice. */
  close(): Promise<void>;
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Makes an empty database of the test's own.
 *
 * @throws Error when the address of a server is not set.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { databaseUrl } = testServers();
  const name = `test_${process.pid}_${randomBytes(6).toString('hex')}`;
  await withClient(databaseUrl, (client) => client.query(`CREATE DATABASE ${name}`));
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;

  return {
    url: url.href,
    name,
    query: <Row extends object>(sql: string, parameters: unknown[] = []) =>
      withClient(url.href, async (client) => (await client.query<Row>(sql, parameters)).rows),
    closeConnections: () =>
      withClient(databaseUrl, async (client) => {
        const { rowCount } = await client.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
          [name],
        );
        return rowCount ?? 0;
      }),
    async close() {
      await withClient(databaseUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}
