import type { EventEnvelope } from '@warren/contracts';
import { createTestDatabase, type TestDatabase } from '@warren/testing';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../database/data-source.ts';
import { CrashGuard } from '../delivery/crash-guard.ts';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const message = (id: string) => ({ id, source: '/elsewhere' }) as EventEnvelope;
let database: TestDatabase;
let dataSource: DataSource;

beforeEach(async () => {
  database = await createTestDatabase();
  dataSource = createDataSource({ url: database.url, schema: 'track_service', entities: [], migrations: [] });
  await dataSource.initialize();
  await dataSource.query('CREATE SCHEMA track_service');
  await dataSource.runMigrations();
});
afterEach(async () => {
  await dataSource.destroy();
  await database.close();
});

/** Each stands for a process of its own. */
const guard = () => new CrashGuard(dataSource, 'q', quiet);

describe('crash guard', () => {
  it('counts what was begun and not ended, across processes, for each message', async () => {
    expect(await guard().begin(message('a'))).toBe(1);
    expect(await guard().begin(message('a'))).toBe(2);
    expect(await guard().begin(message('b'))).toBe(1);
  });

  it('forgets a message whose work has ended', async () => {
    const process = guard();
    await process.begin(message('a'));
    await process.end(message('a'));
    expect(await process.begin(message('a'))).toBe(1);
  });

  it('does not hold it against a message that its process was stopped on purpose', async () => {
    const process = guard();
    await process.begin(message('a'));
    await process.begin(message('b'));
    await process.end(message('b'));
    await process.abandon();
    expect(await guard().begin(message('a'))).toBe(1);
  });
});
