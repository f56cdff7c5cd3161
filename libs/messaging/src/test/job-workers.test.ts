import { createTcpProxy, eventually } from '@warren/testing';
import { MoveCrate, PaintCrate, CrateHandlers, crateBehaviours, Gate } from './crate-jobs.ts';
import { LeaseLost } from '../schedule/job-outcome.ts';
import type { JobView } from '../schedule/job-view.ts';
import { Jobs } from '../schedule/jobs.ts';
import type { ScheduledWorkOptions } from '../schedule/scheduled-work.ts';
import { defineTopology } from '../topology.ts';
import { CrateWorker } from './crate-worker.ts';
import { TestBench, type TestService, type TestServiceOptions } from './test-service.ts';

const topology = defineTopology({ service: 'crate-service' });
const bench = new TestBench();
beforeAll(() => bench.open());
afterEach(async () => {
  crateBehaviours.clear();
  await bench.stopServices();
  await bench.database.query('DROP SCHEMA IF EXISTS crate_service CASCADE');
});
afterAll(() => bench.close());

/** A replica in this process. */
function replica(
  work: ScheduledWorkOptions = {},
  options: Partial<TestServiceOptions> = {},
): Promise<TestService> {
  return bench.start({
    topology,
    controllers: [CrateHandlers],
    work: { pollIntervalMs: 100, ...work },
    ...options,
  });
}

/** One that enqueues and does not work. */
function office(): Promise<TestService> {
  return bench.start({ topology });
}

function enqueue(
  { dataSource }: TestService,
  jobClass: typeof MoveCrate | typeof PaintCrate,
  crateId: string,
  behaviour?: string,
): Promise<string> {
  // Of a service's own that has no handlers, so that no replica in this process is asked whether it has.
  const jobs = new Jobs(dataSource, () => undefined);
  const payload = { crateId, ...(behaviour && { behaviour }) };
  return dataSource.transaction((tx) => jobs.enqueue(tx, jobClass, payload));
}

function untilState(service: TestService, id: string, state: JobView['state']): Promise<JobView> {
  return eventually(
    async () => {
      const job = await service.app.get(Jobs).find(id);
      expect(job).toMatchObject({ state });
      return job!;
    },
    { timeoutMs: 45_000 },
  );
}

describe('two replicas', () => {
  it('share the jobs, and run each of them once', async () => {
    const [one, other] = [await replica({ concurrency: 3 }), await replica({ concurrency: 3 })];
    for (let n = 0; n < 100; n += 1) await enqueue(n % 2 ? one : other, MoveCrate, `c-${n}`);
    await eventually(async () => expect(await one.app.get(Jobs).list({ state: 'done' })).toHaveLength(100));
    const effects = (await one.effects()).map(({ parcel_id, step }) => `${parcel_id} ${step}`);
    expect(effects).toHaveLength(100);
    expect(new Set(effects).size).toBe(100);
  });
});

describe.each([
  ['in a transaction', MoveCrate],
  ['deferred', PaintCrate],
])('a job %s', (_how, jobClass) => {
  it('whose worker is killed is taken up by another, and has one effect', async () => {
    const watcher = await office();
    const worker = new CrateWorker(bench, 1_500);
    await worker.untilItSays('works');
    const id = await enqueue(watcher, jobClass, 'c-1', 'hang');
    await worker.untilItSays('hangs on c-1');
    const taken = await untilState(watcher, id, 'running');
    await worker.kill();
    const other = await replica({ leaseMs: 1_500 });
    const job = await untilState(other, id, 'done');
    expect(job.attempt).toBe(2);
    expect(job.startedAt!.getTime()).toBeGreaterThan(taken.startedAt!.getTime());
    expect(await other.effects()).toEqual([{ parcel_id: 'c-1', step: 2 }]);
  });

  it('is given back when the service stops before it ends, and costs no attempt', async () => {
    const gate = new Gate();
    crateBehaviours.set('gate', gate.pass);
    const watcher = await office();
    const stopping = await replica({ leaseMs: 60_000 }, { shutdownTimeoutMs: 200 });
    const id = await enqueue(stopping, jobClass, 'c-1', 'gate');
    await eventually(() => expect(gate.inside).toEqual(['c-1']));
    await stopping.stop();
    expect(await watcher.app.get(Jobs).find(id)).toMatchObject({ state: 'waiting', attempt: 0 });
    gate.open(); // its effect comes too late
    const other = await replica();
    expect(await untilState(other, id, 'done')).toMatchObject({ attempt: 1 });
    expect(await other.effects()).toEqual([{ parcel_id: 'c-1', step: 1 }]);
  });

  it('is ended and done when the service stops and it ends in time', async () => {
    const gate = new Gate();
    crateBehaviours.set('gate', gate.pass);
    const watcher = await office();
    const stopping = await replica();
    const id = await enqueue(stopping, jobClass, 'c-1', 'gate');
    await eventually(() => expect(gate.inside).toEqual(['c-1']));
    const stopped = stopping.stop();
    const late = await enqueue(watcher, jobClass, 'c-2');
    gate.open();
    await stopped;
    expect(await watcher.app.get(Jobs).find(id)).toMatchObject({ state: 'done' });
    expect(await watcher.app.get(Jobs).find(late)).toMatchObject({ state: 'waiting' });
  });
});

describe('a lease', () => {
  const leaseUntil = async ({ dataSource }: TestService): Promise<Date> =>
    (await dataSource.query('SELECT lease_until FROM jobs'))[0].lease_until;

  it('is renewed as long as a deferred job runs, so that nobody else takes it', async () => {
    const gate = new Gate();
    crateBehaviours.set('gate', gate.pass);
    const [one] = [await replica({ leaseMs: 900 }), await replica({ leaseMs: 900 })];
    const id = await enqueue(one, PaintCrate, 'c-1', 'gate');
    await eventually(() => expect(gate.inside).toEqual(['c-1']));
    const first = await leaseUntil(one);
    await eventually(async () =>
      expect((await leaseUntil(one)).getTime()).toBeGreaterThan(first.getTime() + 1_000),
    );
    gate.open();
    expect(await untilState(one, id, 'done')).toMatchObject({ attempt: 1 });
    expect(gate.inside).toEqual(['c-1']);
    expect(await one.effects()).toHaveLength(1);
  });

  it('that has run out takes no job from a transaction that is open still', async () => {
    const gate = new Gate();
    crateBehaviours.set('gate', gate.pass);
    const one = await replica({ leaseMs: 300 });
    await replica({ leaseMs: 300 });
    const id = await enqueue(one, MoveCrate, 'c-1', 'gate');
    await eventually(() => expect(gate.inside).toEqual(['c-1']));
    await eventually(async () => {
      const [row] = await one.dataSource.query(
        `SELECT now() > lease_until + interval '1 s' AS expired FROM jobs`,
      );
      expect(row.expired).toBe(true);
    });
    gate.open();
    expect(await untilState(one, id, 'done')).toMatchObject({ attempt: 1 });
    expect(await one.effects()).toEqual([{ parcel_id: 'c-1', step: 1 }]);
  });

  it('that was lost ends the run, whose effect is not kept', async () => {
    const gate = new Gate();
    let aborted: unknown;
    let completion: Promise<unknown> | undefined;
    crateBehaviours.set('freeze', async (context, crateId) => {
      if (context.attempt > 1) return;
      const signalled = new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      await gate.pass(context, crateId);
      await signalled;
      aborted = context.signal.reason;
      completion = context.complete(() => Promise.reject(new Error('must not be called')));
      await completion;
    });
    const one = await replica({ leaseMs: 900 });
    const id = await enqueue(one, PaintCrate, 'c-1', 'freeze');
    await eventually(() => expect(gate.inside).toEqual(['c-1']));
    // What another replica would do, had this one not been heard of.
    await one.dataSource.query(
      `UPDATE jobs SET lease_token = gen_random_uuid(), lease_until = now() + interval '1 s'`,
    );
    gate.open();
    const job = await untilState(one, id, 'done');
    expect(job.attempt).toBe(2);
    expect(aborted).toBeInstanceOf(LeaseLost);
    await expect(completion).rejects.toThrow(LeaseLost);
    expect(await one.effects()).toEqual([{ parcel_id: 'c-1', step: 2 }]);
  });

  it('of a frozen process runs out, and what that process does when it wakes has no effect', async () => {
    const watcher = await office();
    const worker = new CrateWorker(bench, 1_500);
    await worker.untilItSays('works');
    const id = await enqueue(watcher, PaintCrate, 'c-1', 'hang');
    await worker.untilItSays('hangs on c-1');
    worker.freeze();
    const other = await replica({ leaseMs: 1_500 });
    await untilState(other, id, 'done');
    worker.thaw();
    const next = await enqueue(watcher, PaintCrate, 'c-2');
    await untilState(other, next, 'done');
    expect(await other.effects()).toEqual([
      { parcel_id: 'c-1', step: 2 },
      { parcel_id: 'c-2', step: 1 },
    ]);
  });
});

describe('a job that ends its process again and again', () => {
  const crashed = (service: TestService, columns: string) =>
    service.dataSource.query(
      `UPDATE jobs SET state = 'running', begun = true, worker = 'gone:1', lease_token = gen_random_uuid(),
         lease_until = now() - interval '1 s', ${columns}`,
    );

  it('has failed after five times', async () => {
    const watcher = await office();
    const id = await enqueue(watcher, MoveCrate, 'c-1');
    await crashed(watcher, 'attempts = 20, attempt = 4, crashes = 3');
    const one = await replica();
    await untilState(one, id, 'done');
    const other = await enqueue(watcher, MoveCrate, 'c-2', 'gate');
    await untilState(one, other, 'done');
    await one.dataSource.query(`DELETE FROM jobs WHERE id = $1`, [id]);
    await crashed(watcher, 'attempts = 20, attempt = 5, crashes = 4');
    expect(await untilState(one, other, 'failed')).toMatchObject({
      lastError: 'worker gone:1 was not heard of for longer than its lease, for the 5. time',
    });
  });

  it('has failed when its attempts are used up', async () => {
    const watcher = await office();
    const id = await enqueue(watcher, MoveCrate, 'c-1');
    await crashed(watcher, 'attempts = 1, attempt = 1');
    const one = await replica();
    await untilState(one, id, 'failed');
    expect(await one.effects()).toEqual([]);
  });
});

describe('an outage of the database', () => {
  it('ends no process, and jobs are run when it is over', async () => {
    const proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.database.url).port)));
    const watcher = await office();
    const one = await replica({}, { databaseUrl: proxy.through(bench.database.url) });
    const gate = new Gate();
    crateBehaviours.set('gate', gate.pass);
    const moving = await enqueue(watcher, MoveCrate, 'c-1', 'gate');
    const painting = await enqueue(watcher, PaintCrate, 'c-2', 'gate');
    await eventually(() => expect([...gate.inside].sort()).toEqual(['c-1', 'c-2']));
    await proxy.refuse();
    const later = await enqueue(watcher, MoveCrate, 'c-3');
    gate.open();
    await eventually(async () => expect(await connectionsOf(watcher)).toBe(0));
    await proxy.restore();
    for (const id of [moving, painting, later]) {
      expect(await untilState(watcher, id, 'done')).toMatchObject({ attempt: expect.any(Number) });
    }
    expect((await watcher.effects()).map(({ parcel_id }) => parcel_id).sort()).toEqual(['c-1', 'c-2', 'c-3']);
    await one.stop();
  });

  it('is gone through when every connection is cut in the middle of jobs', async () => {
    const one = await replica({ leaseMs: 1_000 });
    for (let n = 0; n < 60; n += 1) await enqueue(one, n % 2 ? MoveCrate : PaintCrate, `c-${n}`);
    await bench.database.closeConnections();
    await eventually(async () => expect(await one.app.get(Jobs).list({ state: 'done' })).toHaveLength(60), {
      timeoutMs: 45_000,
    });
    const crates = (await one.effects()).map(({ parcel_id }) => parcel_id);
    expect(crates).toHaveLength(60);
    expect(new Set(crates).size).toBe(60);
  });

  /** How many jobs are in a transaction at the moment. */
  async function connectionsOf({ dataSource }: TestService): Promise<number> {
    const [row] = await dataSource.query(
      `SELECT count(*)::int AS open FROM pg_stat_activity
       WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
    );
    return row.open;
  }
});

describe('jobs that were done', () => {
  it('are forgotten after the retention; those that failed are kept', async () => {
    const watcher = await office();
    const ids = [await enqueue(watcher, MoveCrate, 'c-1'), await enqueue(watcher, MoveCrate, 'c-2')];
    await watcher.dataSource.query(
      `UPDATE jobs SET begun = true, finished_at = now() - interval '1 h',
         state = CASE WHEN id = $1 THEN 'done' ELSE 'failed' END`,
      [ids[0]],
    );
    const one = await replica({ retentionMs: 1_800_000 });
    await eventually(async () => expect(await one.app.get(Jobs).find(ids[0]!)).toBeUndefined());
    expect(await one.app.get(Jobs).find(ids[1]!)).toMatchObject({ state: 'failed' });
  });
});
