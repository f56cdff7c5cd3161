import { createTcpProxy, createTestDatabase, type TestDatabase } from '@warren/testing';
import type { DataSource, EntityManager, EntitySubscriberInterface } from 'typeorm';
import { createDataSource } from '../database/data-source.ts';
import type { ServiceClient } from '../database/service-client.ts';
import { StatementNames } from '../database/statement-names.ts';

let database: TestDatabase;
let source: DataSource;

beforeEach(async () => {
  database = await createTestDatabase();
  source = await open(database.url);
  await source.query('CREATE TABLE effects (name text)');
});
afterEach(async () => {
  await source.destroy();
  await database.close();
});

async function open(url: string, extra: object = {}): Promise<DataSource> {
  const made = createDataSource({ url, schema: 'public', entities: [], migrations: [], poolSize: 1 });
  Object.assign(made.options.extra as object, extra);
  await made.initialize();
  return made;
}

const INSERT = 'INSERT INTO effects VALUES ($1)';
const effects = async () =>
  (await database.query('SELECT name FROM public.effects ORDER BY name')).map(({ name }) => name as string);
/** Leads to the state in which a transaction begins together with its first statement. */
const warmUp = () => source.transaction((tx) => tx.query('SELECT $1::text', ['x']));

describe('a transaction of a service', () => {
  it('commits all of its statements, whichever comes first', async () => {
    await source.transaction(async (tx) => {
      await tx.query(INSERT, ['1: the first with a parameter']);
      await tx.query(INSERT, ['2']);
    });
    await source.transaction(async (tx) => {
      await tx.query(`INSERT INTO effects VALUES ('3: without')`);
      await tx.query(INSERT, ['4']);
    });
    await source.transaction((tx) => tx.query(INSERT, ['5: merged']));
    expect(await effects()).toEqual(['1: the first with a parameter', '2', '3: without', '4', '5: merged']);
  });

  it('leaves nothing when it is rolled back after its first statement', async () => {
    await warmUp();
    const failing = source.transaction(async (tx) => {
      await tx.query(INSERT, ['gone']);
      throw new Error('on second thoughts');
    });
    await expect(failing).rejects.toThrow('on second thoughts');
    expect(await effects()).toEqual([]);
  });

  it('has its first statement inside, also when several are sent at once', async () => {
    await warmUp();
    const failing = source.transaction(async (tx) => {
      await Promise.all([tx.query(INSERT, ['a']), tx.query(INSERT, ['b'])]);
      await tx.query('SELECT 1 / $1::int', [0]);
    });
    await expect(failing).rejects.toThrow('division by zero');
    expect(await effects()).toEqual([]);
  });

  it.each([
    ['is refused by the server', 'INSERT INTO nowhere VALUES ($1)', ['x'], /does not exist/],
    ['fails', 'SELECT 1 / $1::int', [0], /division by zero/],
  ])('leaves the connection usable when its first statement %s', async (_how, text, values, problem) => {
    await warmUp();
    const failing = source.transaction(async (tx) => {
      await expect(tx.query(text, values)).rejects.toThrow(problem);
      await tx.query(INSERT, ['after a failure']);
    });
    await expect(failing).rejects.toThrow();
    await source.transaction((tx) => tx.query(INSERT, ['next']));
    expect(await effects()).toContain('next');
    expect(await source.query('SELECT now() = statement_timestamp() AS "alone"')).toEqual([{ alone: true }]);
  });

  it('goes on when its first statement had a value without a form on the wire, which never reached the server', async () => {
    await warmUp();
    for (let n = 0; n < 8; n += 1) {
      await source.transaction(async (tx) => {
        await expect(tx.query(INSERT, [circular()])).rejects.toThrow('circular');
        await tx.query(INSERT, [String(n)]);
      });
    }
    expect(await effects()).toHaveLength(8);
  });

  it('is not taken for committed when it went on after a failed statement', async () => {
    const transaction = source.transaction(async (tx) => {
      await tx.query(INSERT, ['before']);
      await expect(tx.query('SELECT 1 / $1::int', [0])).rejects.toThrow('division by zero');
    });
    await expect(transaction).rejects.toThrow('rolled back instead of committed');
    expect(await effects()).toEqual([]);
  });

  it('has savepoints, and begins before the first of them', async () => {
    await warmUp();
    await source.transaction(async (tx) => {
      const inner = tx.transaction(async (nested) => {
        await nested.query(INSERT, ['inner']);
        throw new Error('inner');
      });
      await expect(inner).rejects.toThrow('inner');
      await tx.query(INSERT, ['outer']);
    });
    expect(await effects()).toEqual(['outer']);
  });

  it('sends nothing at all when it has no statement', async () => {
    await warmUp();
    const asks = `SELECT query, state FROM pg_stat_activity WHERE pid = $1`;
    const [{ pid }] = (await source.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
    await source.transaction(() => Promise.resolve());
    const failing = source.transaction(() => Promise.reject(new Error('before anything')));
    await expect(failing).rejects.toThrow('before anything');
    expect(await database.query(asks, [pid])).toEqual([
      { query: 'SELECT pg_backend_pid() AS pid', state: 'idle' },
    ]);
  });

  it('is gone with its connection when its first statement gets no answer', async () => {
    const url = new URL(database.url);
    const proxy = await createTcpProxy(url.hostname, Number(url.port));
    const impatient = await open(proxy.through(database.url), { query_timeout: 300 });
    await impatient.transaction((tx) => tx.query(INSERT, ['before']));
    proxy.blackhole();
    const waiting = impatient.transaction((tx) => tx.query(INSERT, ['lost']));
    await expect(waiting).rejects.toThrow('Query read timeout');
    await proxy.restore();
    await impatient.transaction((tx) => tx.query(INSERT, ['next']));
    expect(await effects()).toEqual(['before', 'next']);
    await impatient.destroy();
    await proxy.close();
  });
});

describe('a transaction that begins with a statement that is known beforehand', () => {
  const claim = (name: string) => ({
    name: 'claim',
    text: 'INSERT INTO claims VALUES ($1) ON CONFLICT (name) DO NOTHING',
    values: [name],
  });
  beforeEach(() => source.query('CREATE TABLE claims (name text PRIMARY KEY CHECK (length(name) < 9))'));

  async function claiming(name: string, work: (tx: EntityManager) => Promise<unknown>): Promise<number> {
    return source.transaction(async (tx) => {
      const client = (await tx.queryRunner!.connect()) as ServiceClient;
      const [rows, worked] = await Promise.allSettled([client.beginWith(claim(name)), work(tx)]);
      if (rows.status === 'rejected') throw rows.reason;
      if (worked.status === 'rejected') throw worked.reason;
      return rows.value;
    });
  }

  it.each<[string, (tx: EntityManager, name: string) => Promise<unknown>, number]>([
    ['one with parameters', (tx, name) => tx.query(INSERT, [name]), 1],
    ['one without', (tx, name) => tx.query(`INSERT INTO effects VALUES ('${name}')`), 1],
    [
      'several at once',
      (tx, name) => Promise.all([tx.query(INSERT, [name]), tx.query(INSERT, [name]), tx.query('SELECT 1')]),
      2,
    ],
    ['a savepoint', (tx, name) => tx.transaction((inner) => inner.query(INSERT, [name])), 1],
    ['nothing', () => Promise.resolve(), 0],
  ])(
    'takes the next statement with it, and tells how many rows it touched: %s',
    async (_what, work, count) => {
      for (let n = 0; n < 8; n += 1) {
        expect(await claiming(String(n), (tx) => work(tx, 'kept'))).toBe(1);
        const failing = claiming(`x${n}`, async (tx) => {
          await work(tx, 'gone');
          throw new Error('on second thoughts');
        });
        await expect(failing).rejects.toThrow('on second thoughts');
      }
      expect(await claiming('1', () => Promise.resolve())).toBe(0);
      expect(await effects()).toEqual(Array(8 * count).fill('kept'));
      expect(await database.query('SELECT count(*)::int AS n FROM public.claims')).toEqual([{ n: 8 }]);
    },
  );

  it('is rolled back whole when that statement fails, and the connection is as good as before', async () => {
    for (const name of ['cold: far too long', 'warm: far too long']) {
      await expect(claiming(name, (tx) => tx.query(INSERT, [name]))).rejects.toThrow('check constraint');
      expect(await claiming(name.slice(0, 4), (tx) => tx.query(INSERT, ['next']))).toBe(1);
    }
    expect(await effects()).toEqual(['next', 'next']);
  });

  it('is told of a value without a form on the wire, which harms nothing else', async () => {
    for (let n = 0; n < 8; n += 1) {
      await expect(claiming('bad', (tx) => tx.query(INSERT, [circular()]))).rejects.toThrow('circular');
      expect(await claiming(String(n), (tx) => tx.query(INSERT, [String(n)]))).toBe(1);
    }
    expect(await effects()).toHaveLength(8);
  });

  it('is none the worse when something else was sent at its beginning', async () => {
    const subscriber: EntitySubscriberInterface = {
      afterTransactionStart: ({ queryRunner }) =>
        queryRunner.query(`SELECT set_config('app.tenant', 't', true)`),
    };
    source.subscribers.push(subscriber);
    expect(await claiming('a', (tx) => tx.query(INSERT, ['a']))).toBe(1);
    expect(await effects()).toEqual(['a']);
  });
});

describe('a statement that comes again and again', () => {
  const PREPARED = `SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%effects%'`;

  it('is prepared, and one that comes seldom is not', async () => {
    const insert = 'INSERT INTO effects (name) VALUES ($1)';
    for (let n = 0; n < 5; n += 1) await source.query(insert, [String(n)]);
    expect(await source.query(PREPARED)).toEqual([]);
    await source.query(insert, ['5']);
    expect(await source.query(PREPARED)).toEqual([{ statement: insert }]);
    await source.query(insert, ['6']);
    expect(await effects()).toHaveLength(7);
  });

  it('heals by itself when a migration changes its columns', async () => {
    const text = 'SELECT * FROM effects WHERE name <> $1';
    for (let n = 0; n < 7; n += 1) await source.query(text, ['x']);
    await database.query('ALTER TABLE public.effects ADD COLUMN at timestamptz');
    await expect(source.query(text, ['x'])).rejects.toThrow('cached plan');
    expect(await source.query(text, ['x'])).toEqual([]);
  });

  it('does not crowd the server: names are given to a limited number', () => {
    const names = new StatementNames();
    const given = new Set<string>();
    for (let n = 0; n < 300; n += 1) {
      for (let use = 0; use < 6; use += 1) {
        const name = names.nameOf(`SELECT ${n}, $1`);
        if (name !== undefined) given.add(name);
      }
    }
    expect(given.size).toBe(200);
  });
});

function circular(): object {
  const value: { self?: object } = {};
  value.self = value;
  return value;
}
