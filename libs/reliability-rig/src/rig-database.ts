import { setTimeout as delay } from 'node:timers/promises';
import { isDatabaseAway } from '@warren/messaging';
import { Client, type QueryResultRow } from 'pg';

/** How long the rig itself waits for a database that it broke. */
const PATIENCE_MS = 120_000;

/** The rig's own look into the database, past the proxies. It waits while the database is away. */
export class RigDatabase {
  readonly #url: string;
  #client: Client | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async rows<Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        this.#client ??= await connectTo(this.#url);
        return (await this.#client.query<Row>(text, values)).rows;
      } catch (error) {
        const client = this.#client;
        this.#client = undefined;
        // A frozen server does not answer a farewell either.
        client?.end().catch(() => undefined);
        if (!isDatabaseAway(error) || Date.now() > deadline) throw error;
        await delay(200);
      }
    }
  }

  async number(text: string): Promise<number> {
    const [row] = await this.rows<{ n: string }>(text);
    return Number(row!.n);
  }

  /** Runs `work` while nobody appends: those who are at it have ended, others wait. */
  async whileLoadIsHeld<T>(work: () => Promise<T>): Promise<T> {
    const client = await connectTo(this.#url, 60_000);
    try {
      await client.query('SELECT pg_advisory_lock(7, 7)');
      return await work();
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    await this.#client?.end();
  }
}

async function connectTo(connectionString: string, query_timeout = 3_000): Promise<Client> {
  const client = new Client({ connectionString, query_timeout, connectionTimeoutMillis: 3_000 });
  // Without a listener a lost connection would end the rig; the next query on it tells.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
