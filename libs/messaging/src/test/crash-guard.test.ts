import type { EventEnvelope } from '@warren/contracts';
import type { DataSource } from 'typeorm';
import { CrashGuard, Suspects } from '../delivery/crash-guard.ts';
import { LibraryTables } from './library-tables.ts';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const message = (id: string) => ({ id, source: '/elsewhere' }) as EventEnvelope;
let tables: LibraryTables;
let dataSource: DataSource;

beforeEach(async () => {
  tables = await LibraryTables.open('track_service');
  ({ dataSource } = tables);
});
afterEach(() => tables.close());

/** Each stands for a process of its own. */
const guard = () => new CrashGuard(dataSource, 'q', new Suspects(), quiet);

describe('crash guard', () => {
  it('counts what was begun and not ended, across processes, for each message', async () => {
    expect(await guard().begin(message('a'))).toBe(1);
    expect(await guard().begin(message('a'))).toBe(2);
    expect(await guard().begin(message('b'))).toBe(1);
  });

  it('does not take a message for deadly that only lost its connection while the process works on it', async () => {
    const process = guard();
    for (let n = 0; n < 10; n += 1) expect(await process.begin(message('a'))).toBe(1);
  });

  it('works on messages under suspicion one at a time, so that none is blamed for another', async () => {
    for (const id of ['a', 'b']) await guard().begin(message(id));
    const process = guard();
    expect(await process.begin(message('a'))).toBe(2);
    const second = process.begin(message('b'));
    const [row] = await dataSource.query(`SELECT times FROM redeliveries_begun WHERE message_id = 'b'`);
    expect(row).toEqual({ times: 1 });
    await process.end(message('a'));
    expect(await second).toBe(2);
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
