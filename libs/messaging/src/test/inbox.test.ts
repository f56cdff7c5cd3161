import type { EventEnvelope } from '@warren/contracts';
import type { DataSource } from 'typeorm';
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid';
import { claimMessage, uuidv7Time, wasHandled } from '../inbox/inbox.ts';
import { maintainInboxPartitions, pruneInboxOther } from '../inbox/inbox-partitions.ts';
import { LibraryTables } from './library-tables.ts';

const DAY_MS = 86_400_000;
let tables: LibraryTables;
let dataSource: DataSource;

beforeEach(async () => {
  tables = await LibraryTables.open('track_service');
  ({ dataSource } = tables);
  await maintainInboxPartitions(dataSource);
});
afterEach(() => tables.close());

const message = (id: string, source = '/elsewhere') => ({ id, source }) as EventEnvelope;
const claim = (envelope: EventEnvelope, consumer = 'q') =>
  dataSource.transaction((tx) => claimMessage(tx, envelope, consumer));
const countOf = async (table: string) =>
  ((await dataSource.query(`SELECT count(*)::int AS n FROM ${table}`)) as { n: number }[])[0]!.n;
const partitions = async () =>
  (
    (await dataSource.query(
      `SELECT relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'inbox'::regclass ORDER BY 1`,
    )) as { relname: string }[]
  ).map(({ relname }) => relname);

describe('inbox', () => {
  it.each([
    ['a UUIDv7 of now', () => uuidv7(), 'inbox'],
    ['a UUIDv7 of 30 days ago', () => uuidv7({ msecs: Date.now() - 30 * DAY_MS }), 'inbox'],
    ['a UUIDv7 of 40 days ago', () => uuidv7({ msecs: Date.now() - 40 * DAY_MS }), 'inbox_other'],
    ['a UUIDv7 of next week', () => uuidv7({ msecs: Date.now() + 6 * DAY_MS }), 'inbox_other'],
    ['a UUIDv4', () => uuidv4(), 'inbox_other'],
    ['any other text', () => "it's 42", 'inbox_other'],
  ])('claims a message once for each consumer: %s', async (_what, newId, table) => {
    const envelope = message(newId());
    expect(await wasHandled(dataSource.manager, envelope, 'q')).toBe(false);
    expect(await claim(envelope)).toBe(true);
    expect(await claim(envelope)).toBe(false);
    expect(await wasHandled(dataSource.manager, envelope, 'q')).toBe(true);
    expect(await claim(envelope, 'another')).toBe(true);
    expect(await countOf(table)).toBe(2);
    expect(await countOf(table === 'inbox' ? 'inbox_other' : 'inbox')).toBe(0);
  });

  it('knows a message also when the passing of time has moved its id to the other table', async () => {
    const fresh = message(uuidv7());
    await dataSource.query(
      `INSERT INTO inbox_other (consumer, source, message_id) VALUES ('q', '/elsewhere', $1)`,
      [fresh.id],
    );
    expect(await claim(fresh)).toBe(false);
    const old = message(uuidv7({ msecs: Date.now() - 35.5 * DAY_MS }));
    await dataSource.query(`INSERT INTO inbox (message_id, consumer) VALUES ($1, 'q')`, [old.id]);
    expect(await claim(old)).toBe(false);
  });

  it('forgets the claim of a transaction that was rolled back', async () => {
    const envelope = message(uuidv7());
    const failing = dataSource.transaction(async (tx) => {
      await claimMessage(tx, envelope, 'q');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await claim(envelope)).toBe(true);
  });

  it('lets the second of two concurrent claims wait for the first', async () => {
    const envelope = message(uuidv7());
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim(envelope)));
    expect(claims.filter(Boolean)).toHaveLength(1);
  });

  it('reads the time of a UUIDv7', () => {
    expect(uuidv7Time(uuidv7({ msecs: 1_764_000_000_123 }))).toBe(1_764_000_000_123);
  });

  it('creates its days ahead, drops the old ones, and may be maintained by several at once', async () => {
    const before = await partitions();
    expect(before).toHaveLength(36 + 1 + 7);
    const later = Date.now() + 10 * DAY_MS;
    await Promise.all([1, 2, 3].map(() => maintainInboxPartitions(dataSource, later)));
    const after = await partitions();
    expect(after).toHaveLength(36 + 1 + 7);
    expect(after[0]).toBe(before[10]);
  });

  it('prunes the plain table by age alone', async () => {
    await dataSource.query(
      `INSERT INTO inbox_other (consumer, source, message_id, handled_at)
       SELECT 'q', '/x', n::text, now() - (CASE WHEN n <= 7000 THEN 36 ELSE 34 END) * interval '1 day' FROM generate_series(1, 7010) n`,
    );
    await pruneInboxOther(dataSource, new AbortController().signal);
    expect(await countOf('inbox_other')).toBe(10);
  });
});
