import { Controller } from '@nestjs/common';
import { captureMessages, eventually } from '@warren/testing';
import { DependencyUnavailable, MiswiredService, NotInTransaction, PermanentFailure } from '../errors.ts';
import { runInFlow } from '../flow.ts';
import { Outbox } from '../outbox/outbox.ts';
import { DefineJob } from '../schedule/define-job.ts';
import { HandleJob } from '../schedule/handle-job.ts';
import type { JobView } from '../schedule/job-view.ts';
import { Jobs, type EnqueueOptions } from '../schedule/jobs.ts';
import { defineTopology } from '../topology.ts';
import { crateBehaviours, CrateHandlers, Gate, MoveCrate, PaintCrate } from './crate-jobs.ts';
import { ParcelMovedV1 } from './parcel-contracts.ts';
import { failing, plainFailure } from './parcel-handlers.ts';
import { TestBench, type TestService } from './test-service.ts';

const topology = defineTopology({
  service: 'crate-service',
  exchanges: ['parcels.events'],
  publishes: [ParcelMovedV1],
});
const bench = new TestBench();
let service: TestService;
let jobs: Jobs;

beforeAll(async () => {
  await bench.open();
  service = await bench.start({ topology, controllers: [CrateHandlers], work: { pollIntervalMs: 100 } });
  jobs = service.app.get(Jobs);
});
afterEach(async () => {
  crateBehaviours.clear();
  await service.dataSource.query('TRUNCATE jobs, effects');
});
afterAll(() => bench.close());

function move(crateId: string, behaviour?: string, options?: EnqueueOptions): Promise<string> {
  const payload = { crateId, ...(behaviour && { behaviour }) };
  return service.dataSource.transaction((tx) => jobs.enqueue(tx, MoveCrate, payload, options));
}

function paint(crateId: string, behaviour?: string): Promise<string> {
  const payload = { crateId, ...(behaviour && { behaviour }) };
  return service.dataSource.transaction((tx) => jobs.enqueue(tx, PaintCrate, payload));
}

function untilState(id: string, state: JobView['state']): Promise<JobView> {
  return eventually(async () => {
    const job = await jobs.find(id);
    expect(job).toMatchObject({ state });
    return job!;
  });
}

describe('a job', () => {
  it('is run once after the commit of its transaction, and then shown as done', async () => {
    const id = await move('c-1');
    const job = await untilState(id, 'done');
    expect(job).toMatchObject({
      name: 'crates.move',
      payload: { crateId: 'c-1' },
      attempt: 1,
      attempts: 3,
      lastError: null,
      worker: expect.stringMatching(/:\d+$/),
    });
    expect(job.startedAt!.getTime()).toBeGreaterThanOrEqual(job.enqueuedAt.getTime());
    expect(job.finishedAt!.getTime()).toBeGreaterThanOrEqual(job.startedAt!.getTime());
    expect(await service.effects()).toEqual([{ parcel_id: 'c-1', step: 1 }]);
  });

  it('is never run when its transaction is rolled back', async () => {
    let lost = '';
    const failed = service.dataSource.transaction(async (tx) => {
      lost = await jobs.enqueue(tx, MoveCrate, { crateId: 'c-1' });
      throw new Error('changed my mind');
    });
    await expect(failed).rejects.toThrow('changed my mind');
    await untilState(await move('c-2'), 'done');
    expect(await jobs.find(lost)).toBeUndefined();
    expect(await service.effects()).toEqual([{ parcel_id: 'c-2', step: 1 }]);
  });

  it('is refused without a transaction, a handler, an allowed payload, or a possible time or key', async () => {
    @DefineJob({ name: 'crates.burn' })
    class BurnCrate {}
    const enqueue = (payload: object, options: object = {}) =>
      service.dataSource.transaction((tx) => jobs.enqueue(tx, MoveCrate, payload as MoveCrate, options));
    await expect(jobs.enqueue(service.dataSource.manager, MoveCrate, { crateId: 'c' })).rejects.toThrow(
      NotInTransaction,
    );
    await expect(service.dataSource.transaction((tx) => jobs.enqueue(tx, BurnCrate, {}))).rejects.toThrow(
      /nothing here handles crates\.burn: add a controller method with @HandleJob\(BurnCrate\)/,
    );
    await expect(
      service.dataSource.transaction((tx) => jobs.enqueue(tx, ParcelMovedV1, { parcelId: 'p', step: 1 })),
    ).rejects.toThrow(MiswiredService);
    await expect(enqueue({ crateId: '' })).rejects.toThrow(/crates\.move: \/crateId/);
    await expect(enqueue({ crateId: 'c', colour: 'red' })).rejects.toThrow(/\/colour/);
    await expect(enqueue({ crateId: 'c' }, { at: new Date(Number.NaN) })).rejects.toThrow(/valid Date/);
    await expect(enqueue({ crateId: 'c' }, { afterMs: -1 })).rejects.toThrow(/afterMs/);
    await expect(enqueue({ crateId: 'c' }, { at: new Date(), afterMs: 1 })).rejects.toThrow(/either/);
    await expect(enqueue({ crateId: 'c' }, { key: '' })).rejects.toThrow(/a key is/);
    await expect(jobs.list({ state: 'lost' as never })).rejects.toThrow(/waiting, running, done, failed/);
    await expect(jobs.list({ before: 'c' })).rejects.toThrow(/id of a job/);
  });

  it('waits for its time', async () => {
    const id = await move('c-1', undefined, { afterMs: 700 });
    expect(await jobs.find(id)).toMatchObject({ state: 'waiting', attempt: 0, startedAt: null });
    const job = await untilState(id, 'done');
    expect(job.startedAt!.getTime()).toBeGreaterThanOrEqual(job.runAt.getTime());
    expect(job.runAt.getTime() - job.enqueuedAt.getTime()).toBeGreaterThanOrEqual(699);
    const at = new Date(Date.now() + 500);
    const later = await untilState(await move('c-2', undefined, { at }), 'done');
    expect(later.runAt).toEqual(at);
    expect(later.startedAt!.getTime()).toBeGreaterThanOrEqual(at.getTime());
  });

  it('belongs to the flow that enqueued it, and so do the events that follow from it', async () => {
    const messages = bench.use(await captureMessages(bench.broker.url, 'parcels.events', '#'));
    crateBehaviours.set('announce', async ({ tx }) => {
      const data = { parcelId: 'p-1', step: 1 };
      await service.app.get(Outbox).append(tx, ParcelMovedV1, { subject: 'p-1', sequence: 1, data });
    });
    const flow = { correlationId: 'flow-1', causationId: 'cause-1' };
    const id = await runInFlow(flow, () => move('c-1', 'announce'));
    expect((await messages.next()).json()).toMatchObject({ correlationid: 'flow-1', causationid: 'cause-1' });
    expect(await jobs.find(id)).toMatchObject({ correlationId: 'flow-1' });
  });
});

describe('a job that fails', () => {
  it('has no effect, waits, and is run again up to its attempts', async () => {
    crateBehaviours.set('twice', failing(2, plainFailure));
    const id = await move('c-1', 'twice');
    const seen = await eventually(async () => {
      const job = await jobs.find(id);
      expect(job?.lastError).toBeTruthy();
      return job!;
    });
    expect(seen).toMatchObject({
      lastError: 'the crane is stuck',
      lastErrorStack: expect.stringContaining('the crane is stuck\n    at '),
    });
    expect(await untilState(id, 'done')).toMatchObject({ attempt: 3, lastError: null });
    expect(await service.effects()).toEqual([{ parcel_id: 'c-1', step: 3 }]);
  });

  it('for good is kept with its error until somebody retries or discards it', async () => {
    crateBehaviours.set('thrice', failing(3, plainFailure));
    const id = await move('c-1', 'thrice');
    const job = await untilState(id, 'failed');
    expect(job).toMatchObject({ attempt: 3, lastError: 'the crane is stuck', finishedAt: expect.any(Date) });
    expect(await service.effects()).toEqual([]);
    expect(await jobs.discard('c-1')).toBe(false);
    expect(await jobs.retry(id)).toBe(true);
    expect(await untilState(id, 'done')).toMatchObject({ attempt: 1 });
    expect(await jobs.retry(id)).toBe(false);
    expect(await jobs.discard(id)).toBe(false);
    crateBehaviours.set('never', failing(9, plainFailure));
    const ids = [await move('c-2', 'never'), await move('c-3', 'never')];
    for (const each of ids) await untilState(each, 'failed');
    expect(await jobs.discard(ids[0]!)).toBe(true);
    expect(await jobs.find(ids[0]!)).toBeUndefined();
    expect(await jobs.retryAll({ name: 'crates.paint' })).toBe(0);
    crateBehaviours.clear();
    expect(await jobs.retryAll()).toBe(1);
    await untilState(ids[1]!, 'done');
  });

  it('with a permanent failure, or a payload that this version does not allow, is not tried again', async () => {
    crateBehaviours.set('lost', () => {
      throw new PermanentFailure('the crate is lost');
    });
    expect(await untilState(await move('c-1', 'lost'), 'failed')).toMatchObject({
      attempt: 1,
      lastError: 'PermanentFailure: the crate is lost',
    });
    const other = await move('c-2', undefined, { afterMs: 300 });
    await service.dataSource.query(`UPDATE jobs SET payload = '{"crate": 2}' WHERE id = $1`, [other]);
    expect(await untilState(other, 'failed')).toMatchObject({
      attempt: 1,
      lastError: expect.stringContaining('/crateId'),
    });
  });

  it('for want of a dependency spends no attempt', async () => {
    crateBehaviours.set(
      'away',
      failing(2, () => new DependencyUnavailable('crane')),
    );
    const id = await move('c-1', 'away');
    expect(await untilState(id, 'done')).toMatchObject({ attempt: 1 });
    expect(await service.effects()).toEqual([{ parcel_id: 'c-1', step: 1 }]);
  });

  it('with an error that no column can hold is written down all the same', async () => {
    crateBehaviours.set('loud', () => {
      throw new PermanentFailure(`\0${'x'.repeat(1_000_000)}`);
    });
    const { lastError } = await untilState(await move('c-1', 'loud'), 'failed');
    expect(lastError).toHaveLength(2_000);
  });

  it('by its time limit has no effect, whatever its handler does after that', async () => {
    @DefineJob({ name: 'crates.ponder', attempts: 1 })
    class PonderCrate {}
    let outcome: Promise<unknown> = Promise.resolve();
    @Controller()
    class Slow {
      @HandleJob(PonderCrate, { timeLimit: '2s' })
      async ponder(_job: PonderCrate, { tx, signal }: Parameters<CrateHandlers['move']>[1]): Promise<void> {
        const insert = `INSERT INTO effects (parcel_id, step) VALUES ('late', 1)`;
        await tx.query(insert);
        outcome = tx
          .query('SELECT pg_sleep(3)')
          .then(() => tx.query(insert))
          .then(() => 'inserted')
          .catch((error: Error) => error);
        await outcome;
        expect(signal.aborted).toBe(true);
      }
    }
    const slow = await bench.start({
      topology: defineTopology({ service: 'slow-service' }),
      controllers: [Slow],
    });
    const own = slow.app.get(Jobs);
    const id = await slow.dataSource.transaction((tx) => own.enqueue(tx, PonderCrate, {}));
    await eventually(async () =>
      expect(await own.find(id)).toMatchObject({
        state: 'failed',
        lastError: expect.stringMatching(/^TimeLimitExceeded: .* took longer than its time limit of 2 s$/),
      }),
    );
    expect(await outcome).toBeInstanceOf(Error);
    expect(await slow.effects()).toEqual([]);
  });
});

describe('a deferred job', () => {
  it('has no transaction but the one in which it completes', async () => {
    let refusal: unknown;
    crateBehaviours.set('peek', (context) => {
      try {
        void context.tx;
      } catch (error) {
        refusal = error;
      }
    });
    await untilState(await paint('c-1', 'peek'), 'done');
    expect(refusal).toMatchObject({ message: expect.stringContaining('ctx.complete(tx') });
    expect(await service.effects()).toEqual([{ parcel_id: 'c-1', step: 1 }]);
  });

  it('that completes twice has one effect, and is done', async () => {
    crateBehaviours.set('hasty', async (context) => {
      await context.complete(() => Promise.resolve());
    });
    await untilState(await paint('c-1', 'hasty'), 'done');
    expect(await service.effects()).toEqual([]);
  });

  it('that returns without completing has failed', async () => {
    @DefineJob({ name: 'crates.forget' })
    class ForgetCrate {}
    @Controller()
    class Forgetful {
      @HandleJob(ForgetCrate, { transaction: 'deferred' })
      async forget(): Promise<void> {}
    }
    const other = await bench.start({
      topology: defineTopology({ service: 'forget-service' }),
      controllers: [Forgetful],
    });
    const own = other.app.get(Jobs);
    const id = await other.dataSource.transaction((tx) => own.enqueue(tx, ForgetCrate, {}));
    await eventually(async () =>
      expect(await own.find(id)).toMatchObject({
        state: 'failed',
        lastError: expect.stringContaining('returned without ctx.complete()'),
      }),
    );
  });
});

describe('jobs that wait', () => {
  it('can be taken back by id or key, and that it was too late is told', async () => {
    const cancel = (idOrKey: string) => service.dataSource.transaction((tx) => jobs.cancel(tx, idOrKey));
    const gate = new Gate();
    crateBehaviours.set('gate', gate.pass);
    const running = await move('c-1', 'gate');
    await eventually(() => expect(gate.inside).toEqual(['c-1']));
    const byId = await move('c-2', undefined, { afterMs: 60_000 });
    await move('c-3', undefined, { afterMs: 60_000, key: 'crate:3' });
    expect(await cancel(running)).toBe(false);
    expect(await cancel(byId)).toBe(true);
    expect(await cancel(byId)).toBe(false);
    expect(await cancel('crate:3')).toBe(true);
    expect(await cancel('crate:4')).toBe(false);
    gate.open();
    await untilState(running, 'done');
    expect(await jobs.list({ state: 'waiting' })).toEqual([]);
  });

  it('are one of each key; one that was begun has given its key free', async () => {
    const first = await move('c-1', undefined, { key: 'crate', afterMs: 60_000 });
    const second = await move('c-2', undefined, { key: 'crate', afterMs: 60_000 });
    expect(await jobs.find(first)).toBeUndefined();
    expect(await jobs.find(second)).toMatchObject({ payload: { crateId: 'c-2' }, key: 'crate' });
    const gate = new Gate();
    crateBehaviours.set('gate', gate.pass);
    const third = await move('c-3', 'gate', { key: 'crate' });
    await eventually(() => expect(gate.inside).toEqual(['c-3']));
    const fourth = await move('c-4', undefined, { key: 'crate' });
    await untilState(fourth, 'done');
    expect(await jobs.find(third)).toMatchObject({ state: 'running' });
    gate.open();
    await untilState(third, 'done');
    expect((await service.effects()).map((effect) => effect.parcel_id).sort()).toEqual(['c-3', 'c-4']);
  });

  it('are run no more at once than the concurrency allows, in all and of their kind', async () => {
    const gate = new Gate();
    crateBehaviours.set('gate', gate.pass);
    for (let n = 0; n < 3; n += 1) await paint(`p-${n}`, 'gate');
    const moved = await move('c-1');
    await untilState(moved, 'done');
    expect(gate.inside).toHaveLength(1);
    for (let n = 0; n < 9; n += 1) await move(`c-${n}`, 'gate');
    await eventually(() => expect(gate.inside).toHaveLength(8));
    expect(await jobs.list({ state: 'running' })).toHaveLength(8);
    expect(await jobs.status()).toEqual([
      { name: 'crates.move', waiting: 2, running: 7, failed: 0, overdueSeconds: expect.any(Number) },
      { name: 'crates.paint', waiting: 2, running: 1, failed: 0, overdueSeconds: expect.any(Number) },
    ]);
    gate.open();
    await eventually(async () => expect(await jobs.list({ state: 'done' })).toHaveLength(13));
  });

  it('are listed by state and name, the newest first, page by page', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(await move(`c-${n}`, undefined, { afterMs: 60_000 }));
    await untilState(await paint('p-1'), 'done');
    const page = await jobs.list({ name: 'crates.move', state: 'waiting', limit: 3 });
    expect(page.map(({ id }) => id)).toEqual(ids.slice(2).reverse());
    const rest = await jobs.list({ state: 'waiting', before: page.at(-1)!.id });
    expect(rest.map(({ id }) => id)).toEqual(ids.slice(0, 2).reverse());
    expect(await jobs.list({ state: 'done' })).toMatchObject([{ name: 'crates.paint' }]);
  });
});
