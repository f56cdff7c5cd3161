import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { Outbox } from '../outbox/outbox.ts';
import { OutboxStore, READ_BY_INDEX } from '../outbox/outbox-store.ts';
import { defineTopology } from '../topology.ts';
import { LibraryTables } from './library-tables.ts';

const LEFT_ALONE = 'parcels.commands/parcel.send.v1';
const topology = defineTopology({ service: 'parcel-service' });

let tables: LibraryTables;
let dataSource: DataSource;
let client: Client;
let store: OutboxStore;

beforeEach(async () => {
  tables = await LibraryTables.open('parcel_service');
  const { database } = tables;
  ({ dataSource } = tables);
  const settings = ['search_path=parcel_service', ...READ_BY_INDEX];
  client = new Client({
    connectionString: database.url,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
  });
  await client.connect();
  store = new OutboxStore(client);
});
afterEach(async () => {
  await client.end();
  await tables.close();
});

interface Rows {
  count: number;
  aggregate?: string;
  /** `<exchange>/<routing key>` */
  route?: string;
  /** When they are tried again, from now on; null for rows that were never refused. */
  dueIn?: string | null;
}

async function put({ count, aggregate = 'parcel:', route = LEFT_ALONE, dueIn = null }: Rows): Promise<void> {
  const [exchange, routingKey] = route.split('/');
  await client.query(
    `INSERT INTO outbox (id, aggregate, exchange, routing_key, must_be_routed, body, headers, held_until)
     SELECT gen_random_uuid(), $2::text || n, $3, $4, true, repeat('x', 400), '{}', now() + $5::interval
     FROM generate_series(1, $1::int) n`,
    [count, aggregate, exchange, routingKey, dueIn],
  );
}

/** What `work` answers, and how many rows of the table and entries of its indexes it looked at. */
async function measured<T>(work: () => Promise<T>): Promise<{ result: T; looks: number }> {
  await client.query('BEGIN');
  try {
    const result = await work();
    const { rows } = await client.query<{ looks: number }>(
      `SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::int AS looks
       FROM pg_class WHERE oid = 'outbox'::regclass
          OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'outbox'::regclass)`,
    );
    return { result, looks: rows[0]!.looks };
  } finally {
    await client.query('ROLLBACK');
  }
}

const aggregates = (rows: { aggregate: string }[]) => rows.map(({ aggregate }) => aggregate);

describe("the relay's statements", () => {
  it.each([
    ['never tried', null],
    ['kept until later', '1 hour'],
    ['kept and due', '-1 minute'],
  ])('go around the rows of a route that is left alone, however many there are: %s', async (_what, dueIn) => {
    await put({ count: 30_000, dueIn });
    await put({ count: 10, aggregate: 'fresh:', route: 'parcels.events/parcel.moved.v1' });
    const fresh = await measured(() => store.nextBeside(500, [LEFT_ALONE]));
    expect(fresh.result).toHaveLength(10);
    expect(fresh.looks).toBeLessThan(200);
    const again = await measured(() => store.dueAgain(50, [LEFT_ALONE]));
    expect(again.result).toEqual([]);
    expect(again.looks).toBeLessThan(200);
    const held = await measured(() => store.anyHeld());
    expect(held.result).toBe(dueIn !== null);
    expect(held.looks).toBeLessThan(50);
  });

  it('go around kept rows, and read no more of those that are due than asked for', async () => {
    await put({ count: 30_000, dueIn: '-1 minute' });
    await put({ count: 10, aggregate: 'fresh:' });
    const fresh = await measured(() => store.nextBeside(500, []));
    expect(fresh.result).toHaveLength(10);
    expect(fresh.looks).toBeLessThan(200);
    const again = await measured(() => store.dueAgain(50, []));
    expect(again.result).toHaveLength(50);
    expect(again.looks).toBeLessThan(400);
  });

  it('leave out what waits for an older message of its aggregate, be that kept or left alone', async () => {
    const route = 'parcels.events/parcel.moved.v1';
    await put({ count: 1, aggregate: 'kept:', route, dueIn: '1 hour' });
    await put({ count: 1, aggregate: 'alone:' });
    for (const aggregate of ['kept:', 'alone:', 'free:']) await put({ count: 1, aggregate, route });
    expect(aggregates(await store.nextBeside(500, [LEFT_ALONE]))).toEqual(['free:1']);
    expect(aggregates(await store.nextBeside(500, []))).toEqual(['alone:1', 'alone:1', 'free:1']);
  });

  it('read a batch and not all that waits, where the statistics know of an empty outbox', async () => {
    await client.query('ANALYZE outbox');
    for (let n = 0; n < 10; n += 1) await store.next(500); // from here on its plan is kept
    await put({ count: 30_000 });
    const { result, looks } = await measured(() => store.next(500));
    expect(result).toHaveLength(500);
    expect(looks).toBeLessThan(1_500);
  });

  it('take the oldest rows of all routes together', async () => {
    for (let n = 1; n <= 6; n += 1)
      await put({ count: 1, aggregate: `${n}:`, route: `exchange-${n % 3}/key` });
    expect(aggregates(await store.nextBeside(4, []))).toEqual(['1:1', '2:1', '3:1', '4:1']);
  });
});

it('counts what waits in the outbox no further than it was asked to', async () => {
  await put({ count: 2_000 });
  const outbox = new Outbox(dataSource, topology, 'http://schemas.example', () => undefined);
  expect(await outbox.status()).toMatchObject({ rows: 2_000 });
  const limited = await outbox.status({ countUpTo: 1_500 });
  expect(limited).toEqual({ rows: 1_500, oldestAgeSeconds: expect.any(Number) });
});
