import type { EventEnvelope } from '@warren/contracts';
import { eventually, type TestDatabase } from '@warren/testing';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { claimMessage } from '../inbox/inbox.ts';
import { maintainInboxPartitions } from '../inbox/inbox-partitions.ts';
import { LibraryTables } from './library-tables.ts';

const DAY_MS = 86_400_000;
const inDays = (days: number) => Date.now() + days * DAY_MS;

let tables: LibraryTables;
let database: TestDatabase;
let dataSource: DataSource;

beforeEach(async () => {
  tables = await LibraryTables.open('track_service');
  ({ database, dataSource } = tables);
  await maintainInboxPartitions(dataSource);
});
afterEach(() => tables.close());

const newMessage = () => ({ id: uuidv7(), source: '/elsewhere' }) as EventEnvelope;
const claim = () => dataSource.transaction((tx) => claimMessage(tx, newMessage(), 'q'));

/** Tables of days, also those that are no partitions any more. */
async function days(): Promise<string[]> {
  const rows = await database.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^inbox_[0-9]{8}$' ORDER BY relname`,
  );
  return rows.map(({ relname }) => relname);
}

/** A handler at work: it has claimed its message, and commits when it is told to. */
async function openHandler(): Promise<{ commit(): Promise<void> }> {
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  await claimMessage(runner.manager, newMessage(), 'q');
  return {
    async commit() {
      await runner.commitTransaction();
      await runner.release();
    },
  };
}

/** Waits until a day is being dropped, which waits for the handlers at work. */
async function untilDropping(): Promise<number> {
  return eventually(async () => {
    const [row] = await database.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
       AND query LIKE 'ALTER TABLE inbox DETACH%' AND wait_event_type = 'Lock'`,
    );
    if (!row) throw new Error('no day is being dropped');
    return row.pid;
  });
}

describe('the maintenance of the inbox', () => {
  it('creates a day and drops one beside a handler at work, and lets others claim meanwhile', async () => {
    const before = await days();
    const handler = await openHandler();
    const maintained = maintainInboxPartitions(dataSource, inDays(1));
    await untilDropping();
    expect(await days()).toHaveLength(before.length + 1);
    expect(await Promise.all(Array.from({ length: 10 }, claim))).toEqual(Array(10).fill(true));
    await handler.commit();
    await maintained;
    expect(await days()).toEqual([...before.slice(1), expect.any(String)]);
  });

  it('fails no claim while days come and go under load', async () => {
    const before = await days();
    let maintaining = true;
    let claimed = 0;
    const claiming = Array.from({ length: 8 }, async () => {
      while (maintaining) {
        expect(await claim()).toBe(true);
        claimed += 1;
      }
    });
    const maintenance = (async () => {
      for (let day = 1; day <= 15; day += 1) {
        await Promise.all([1, 2].map(() => maintainInboxPartitions(dataSource, inDays(day))));
      }
    })().finally(() => (maintaining = false));
    await Promise.all([maintenance, ...claiming]);
    expect(claimed).toBeGreaterThan(100);
    await maintainInboxPartitions(dataSource, inDays(15));
    const after = await days();
    expect(after).toHaveLength(before.length);
    expect(after[0]).toBe(before[15]);
    expect(await dataSource.query('SELECT count(*)::int AS n FROM inbox')).toEqual([{ n: claimed }]);
  });

  it('finishes with a day whose dropping was interrupted', async () => {
    const before = await days();
    const handler = await openHandler();
    const maintained = maintainInboxPartitions(dataSource, inDays(2));
    maintained.catch(() => undefined);
    const pid = await untilDropping();
    await database.query('SELECT pg_cancel_backend($1)', [pid]);
    await expect(maintained).rejects.toThrow(/canceling statement/);
    await handler.commit();
    // As a process leaves it that ends between taking the day out and dropping it.
    await database.query(`CREATE TABLE track_service.inbox_20200101 (LIKE track_service.inbox)`);
    await maintainInboxPartitions(dataSource, inDays(2));
    expect(await days()).toEqual([...before.slice(2), expect.any(String), expect.any(String)]);
  });
});
