import { createTestDatabase, type TestDatabase } from '@warren/testing';
import type { DataSource, EntityManager } from 'typeorm';
import { createDataSource } from '../database/data-source.ts';
import { TransactionChain } from '../database/transaction-chain.ts';

let database: TestDatabase;
let source: DataSource;
let chain: TransactionChain;

beforeEach(async () => {
  database = await createTestDatabase();
  source = createDataSource({
    url: database.url,
    schema: 'public',
    entities: [],
    migrations: [],
    poolSize: 1,
  });
  await source.initialize();
  await source.query('CREATE TABLE claims (name text PRIMARY KEY)');
  await source.query(
    'CREATE TABLE effects (name text, CONSTRAINT once UNIQUE (name) DEFERRABLE INITIALLY DEFERRED)',
  );
  chain = new TransactionChain(source);
});
afterEach(async () => {
  await source.destroy();
  await database.close();
});

const claim = (name: string) => ({
  name: 'claim',
  text: 'INSERT INTO claims VALUES ($1) ON CONFLICT DO NOTHING',
  values: [name],
});
const insert = (tx: EntityManager, name: string) => tx.query('INSERT INTO effects VALUES ($1)', [name]);
const effects = async () =>
  (await database.query('SELECT name FROM public.effects ORDER BY name')).map(({ name }) => name as string);

type Work = (tx: EntityManager, rows: Promise<number>) => Promise<unknown>;

/** Runs each as soon as the one before lets it, or has ended; all on the one connection of the pool. */
async function inSuccession(works: Record<string, Work>): Promise<Record<string, unknown>> {
  const ended: Record<string, unknown> = {};
  const names = Object.keys(works);
  const endings: Promise<void>[] = [];
  for (const [n, name] of names.entries()) {
    await new Promise<void>((goOn) => {
      const running = chain.run(claim(name), (tx, rows) => works[name]!(tx, rows).then(() => undefined), {
        more: () => n + 1 < names.length,
        goOn,
      });
      const ending = running.then(
        () => void (ended[name] = 'committed'),
        (error: Error) => void (ended[name] = error),
      );
      endings.push(ending);
      void ending.then(goOn);
    });
  }
  await Promise.all(endings);
  return ended;
}

describe('transactions in succession', () => {
  it('commit each for itself, on one connection', async () => {
    const pids = new Set<number>();
    const work =
      (name: string): Work =>
      async (tx) => {
        await insert(tx, name);
        const [{ pid }] = (await tx.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
        pids.add(pid);
      };
    const ended = await inSuccession({ a: work('a'), b: work('b'), c: work('c') });
    expect(ended).toEqual({ a: 'committed', b: 'committed', c: 'committed' });
    expect(await effects()).toEqual(['a', 'b', 'c']);
    expect(pids.size).toBe(1);
    expect(await database.query('SELECT count(DISTINCT xmin::text)::int AS n FROM public.effects')).toEqual([
      { n: 3 },
    ]);
  });

  it('tell each how many rows its first statement touched', async () => {
    const told: number[] = [];
    const tell: Work = async (tx, rows) => {
      await insert(tx, String(told.length));
      told.push(await rows);
    };
    await inSuccession({ a: tell });
    await inSuccession({ b: tell, a: tell });
    expect(told).toEqual([1, 1, 0]);
  });

  it('fail alone: one that is rolled back leaves nothing, and those around it stand', async () => {
    const ended = await inSuccession({
      a: (tx) => insert(tx, 'a'),
      b: async (tx) => {
        await insert(tx, 'b');
        throw new Error('on second thoughts');
      },
      c: (tx) => insert(tx, 'c'),
    });
    expect(ended).toMatchObject({ a: 'committed', b: { message: 'on second thoughts' }, c: 'committed' });
    expect(await effects()).toEqual(['a', 'c']);
  });

  it('fail alone: a commit that is refused is told to the one that it was of, and the next one begins', async () => {
    await inSuccession({ warm: (tx) => insert(tx, 'taken'), up: (tx) => insert(tx, 'x') });
    const ended = await inSuccession({ a: (tx) => insert(tx, 'taken'), b: (tx) => insert(tx, 'b') });
    expect(ended).toMatchObject({ a: { message: expect.stringContaining('once') }, b: 'committed' });
    expect(await effects()).toEqual(['b', 'taken', 'x']);
  });

  it('fail alone: one that went on after a failed statement is told that it was rolled back', async () => {
    const ended = await inSuccession({
      a: async (tx) => {
        await insert(tx, 'a');
        await expect(tx.query('SELECT 1 / $1::int', [0])).rejects.toThrow('division by zero');
      },
      b: (tx) => insert(tx, 'b'),
    });
    expect(ended).toMatchObject({
      a: { message: expect.stringContaining('rolled back instead of committed') },
      b: 'committed',
    });
    expect(await effects()).toEqual(['b']);
  });

  it('fail alone: a value that has no form on the wire harms neither the commit before nor what comes after', async () => {
    const circular: Record<string, unknown> = {};
    circular['itself'] = circular;
    const ended = await inSuccession({
      a: (tx) => insert(tx, 'a'),
      b: (tx) => tx.query('INSERT INTO effects VALUES ($1)', [circular]),
      c: (tx) => insert(tx, 'c'),
    });
    expect(ended).toMatchObject({
      a: 'committed',
      b: { message: expect.stringContaining('circular') },
      c: 'committed',
    });
    expect(await effects()).toEqual(['a', 'c']);
  });

  it('refuse what one of them sends after its end', async () => {
    let late!: EntityManager;
    const ended = await inSuccession({
      a: async (tx) => {
        late = tx;
        await insert(tx, 'a');
      },
      b: async (tx) => {
        await insert(tx, 'b');
        await expect(insert(late, 'stowaway')).rejects.toThrow();
      },
    });
    expect(ended).toEqual({ a: 'committed', b: 'committed' });
    expect(await effects()).toEqual(['a', 'b']);
  });

  it('give way to whoever waits for a connection', async () => {
    let waiting!: Promise<unknown>;
    let wentOn = false;
    await chain.run(
      claim('a'),
      async (tx) => {
        await insert(tx, 'a');
        waiting = source.query(`INSERT INTO effects VALUES ('waited')`);
        await tx.query('SELECT 1');
      },
      { more: () => true, goOn: () => (wentOn = true) },
    );
    await waiting;
    expect(wentOn).toBe(false);
    expect(await effects()).toEqual(['a', 'waited']);
  });

  it('do not need a successor: what was promised and does not come is not waited for', async () => {
    await chain.run(claim('a'), (tx) => insert(tx, 'a').then(() => undefined), {
      more: () => true,
      goOn: () => undefined,
    });
    expect(await effects()).toEqual(['a']);
    await source.query(`INSERT INTO effects VALUES ('next')`);
    expect(await effects()).toEqual(['a', 'next']);
  });
});
