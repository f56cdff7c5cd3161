import { captureMessages, createTcpProxy, eventually, type CapturedMessages } from '@warren/testing';
import { jest } from '@jest/globals';
import { MiswiredService, NotInTransaction } from '../errors.ts';
import { runInFlow } from '../flow.ts';
import type { When } from '../schedule/due-time.ts';
import { Schedule } from '../schedule/schedule.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1, SendParcelV1 } from './parcel-contracts.ts';
import { TestBench, type TestService } from './test-service.ts';

const topology = defineTopology({
  service: 'parcel-service',
  exchanges: ['parcels.events'],
  publishes: [ParcelMovedV1],
});
const bench = new TestBench();
let service: TestService;
let schedule: Schedule;
let messages: CapturedMessages;

beforeAll(async () => {
  await bench.open();
});
beforeEach(async () => {
  service = await bench.start({ topology });
  schedule = service.app.get(Schedule);
  messages = bench.use(await captureMessages(bench.broker.url, 'parcels.events', '#'));
});
afterEach(async () => {
  await bench.stopServices();
  await bench.database.query('DROP SCHEMA IF EXISTS parcel_service CASCADE');
});
afterAll(() => bench.close());

function publish(parcelId: string, when: When, key?: string, step = 1): Promise<string> {
  return service.dataSource.transaction((tx) =>
    schedule.publishAt(
      tx,
      ParcelMovedV1,
      { subject: parcelId, sequence: step, data: { parcelId, step } },
      when,
      key === undefined ? {} : { key },
    ),
  );
}

const cancel = (idOrKey: string) => service.dataSource.transaction((tx) => schedule.cancel(tx, idOrKey));
const parcels = () => messages.all.map((message) => message.json<{ data: ParcelMovedV1 }>().data.parcelId);

async function databaseNow(): Promise<number> {
  const [row] = await bench.database.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return row!.now.getTime();
}

describe('a scheduled message', () => {
  it('is published at its time and not before, with the id that it was given and its time as time', async () => {
    const at = new Date((await databaseNow()) + 1_200);
    const id = await runInFlow({ correlationId: 'flow-1' }, () => publish('p-1', { at }));
    expect(await schedule.find(id)).toEqual({
      id,
      key: null,
      type: 'parcel.moved.v1',
      aggregate: 'parcel:p-1',
      dueAt: at,
    });
    const message = await messages.next();
    expect(await databaseNow()).toBeGreaterThanOrEqual(at.getTime());
    expect(message.json()).toMatchObject({
      id,
      time: at.toISOString(),
      subject: 'p-1',
      correlationid: 'flow-1',
      data: { parcelId: 'p-1', step: 1 },
    });
    expect(message.properties.messageId).toBe(id);
    expect(await schedule.find(id)).toBeUndefined();
    expect(await schedule.status()).toEqual({ waiting: 0, overdueSeconds: 0 });
  });

  it('is published after its delay, and at once when its time has passed', async () => {
    const before = await databaseNow();
    await publish('p-1', { afterMs: 800 });
    await publish('p-2', { at: new Date('2020-01-01T00:00:00Z') });
    expect((await messages.next()).json()).toMatchObject({ data: { parcelId: 'p-2' } });
    expect((await messages.next()).json()).toMatchObject({ data: { parcelId: 'p-1' } });
    expect(await databaseNow()).toBeGreaterThanOrEqual(before + 800);
  });

  it('goes by the clock of the database, whatever this machine believes', async () => {
    const at = new Date((await databaseNow()) + 1_000);
    jest.useFakeTimers({
      now: at.getTime() + 3 * 365 * 86_400_000,
      doNotFake: [
        'hrtime',
        'nextTick',
        'performance',
        'queueMicrotask',
        'setImmediate',
        'clearImmediate',
      ].concat(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout']) as never,
    });
    try {
      await publish('p-1', { at });
      await publish('p-2', { afterMs: 500 });
      expect(messages.all).toEqual([]);
      await messages.next();
      await messages.next();
      expect(parcels()).toEqual(['p-2', 'p-1']);
      expect(await databaseNow()).toBeGreaterThanOrEqual(at.getTime());
    } finally {
      jest.useRealTimers();
    }
  });

  it('is never published when its transaction is rolled back', async () => {
    const failed = service.dataSource.transaction(async (tx) => {
      await schedule.publishAt(
        tx,
        ParcelMovedV1,
        { subject: 'p-1', sequence: 1, data: { parcelId: 'p-1', step: 1 } },
        { afterMs: 0 },
      );
      throw new Error('changed my mind');
    });
    await expect(failed).rejects.toThrow('changed my mind');
    await publish('p-2', { afterMs: 0 });
    await messages.next();
    expect(parcels()).toEqual(['p-2']);
  });

  it('can be taken back by id or key, and that it was too late is told', async () => {
    const byId = await publish('p-1', { afterMs: 1_000 });
    await publish('p-2', { afterMs: 1_000 }, 'parcel:2');
    const gone = await publish('p-3', { afterMs: 0 });
    await messages.next();
    expect(await cancel(byId)).toBe(true);
    expect(await cancel(byId)).toBe(false);
    expect(await cancel('parcel:2')).toBe(true);
    expect(await cancel(gone)).toBe(false);
    await publish('p-4', { afterMs: 1_200 });
    await messages.next();
    expect(parcels()).toEqual(['p-3', 'p-4']);
  });

  it('takes the place of the one that waits under its key', async () => {
    const first = await publish('p-1', { afterMs: 500 }, 'parcel');
    const second = await publish('p-2', { afterMs: 900 }, 'parcel');
    expect(await schedule.find(first)).toBeUndefined();
    expect(await schedule.find('parcel')).toMatchObject({ id: second, aggregate: 'parcel:p-2' });
    await messages.next();
    await publish('p-3', { afterMs: 0 }, 'parcel');
    await messages.next();
    expect(parcels()).toEqual(['p-2', 'p-3']);
  });

  it('is refused without a transaction, a place in the topology, allowed data, or a possible time', async () => {
    const message = { subject: 'p-1', sequence: 1, data: { parcelId: 'p-1', step: 1 } };
    await expect(
      schedule.publishAt(service.dataSource.manager, ParcelMovedV1, message, { afterMs: 0 }),
    ).rejects.toThrow(NotInTransaction);
    await expect(schedule.cancel(service.dataSource.manager, 'parcel')).rejects.toThrow(/^cancel needs/);
    await expect(
      service.dataSource.transaction((tx) => schedule.publishAt(tx, SendParcelV1, message, { afterMs: 0 })),
    ).rejects.toThrow(MiswiredService);
    await expect(publish('p-1', { afterMs: 0 }, undefined, -1)).rejects.toThrow(/\/step/);
    await expect(publish('p-1', { afterMs: Number.NaN })).rejects.toThrow(/afterMs/);
    await expect(publish('p-1', { at: new Date(8.64e15) })).rejects.toThrow(/beyond the year 9999/);
    await expect(publish('p-1', {} as When)).rejects.toThrow(/either/);
  });
});

describe('scheduled messages', () => {
  it('survive a restart, and are published when they became due in the meantime', async () => {
    await publish('p-1', { afterMs: 200 });
    await service.stop();
    await eventually(async () => {
      const [row] = await bench.database.query<{ late: boolean }>(
        'SELECT due_at < now() AS late FROM parcel_service.scheduled_messages',
      );
      // The service may have been fast enough to publish it before it stopped.
      expect(row?.late ?? true).toBe(true);
    });
    service = await bench.start({ topology });
    await messages.next();
    expect(parcels()).toEqual(['p-1']);
  });

  it('are each published once by two replicas, for one subject in the order of their times', async () => {
    await bench.start({ topology });
    const due = (await databaseNow()) + 1_500;
    await service.dataSource.transaction(async (tx) => {
      for (let n = 0; n < 600; n += 1) {
        const message = { subject: `p-${n % 4}`, sequence: n, data: { parcelId: `p-${n % 4}`, step: n } };
        await schedule.publishAt(tx, ParcelMovedV1, message, { at: new Date(due + n) });
      }
    });
    await eventually(() => expect(messages.all.length).toBeGreaterThanOrEqual(600), { timeoutMs: 30_000 });
    await eventually(async () => expect((await service.outbox.status()).rows).toBe(0));
    const steps = messages.all.map((message) => message.json<{ data: ParcelMovedV1 }>().data.step);
    expect(new Set(steps).size).toBe(600);
    expect(steps).toHaveLength(600);
    for (const remainder of [0, 1, 2, 3]) {
      const own = steps.filter((step) => step % 4 === remainder);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  });

  it('are not held up by one that is being taken back, which is published when it is not', async () => {
    await publish('p-1', { afterMs: 600 }, 'parcel');
    await publish('p-2', { afterMs: 600 });
    const undecided = service.dataSource.transaction(async (tx) => {
      expect(await schedule.cancel(tx, 'parcel')).toBe(true);
      await messages.next();
      expect(parcels()).toEqual(['p-2']);
      throw new Error('keep it');
    });
    await expect(undecided).rejects.toThrow('keep it');
    await messages.next();
    expect(parcels()).toEqual(['p-2', 'p-1']);
  });

  it('wait through an outage of the database and are published after it', async () => {
    await service.stop();
    const proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.database.url).port)));
    service = await bench.start({ topology, databaseUrl: proxy.through(bench.database.url) });
    schedule = service.app.get(Schedule);
    const at = new Date((await databaseNow()) + 600);
    await publish('p-1', { at });
    await proxy.refuse();
    await eventually(async () => expect(await databaseNow()).toBeGreaterThan(at.getTime() + 300));
    await proxy.restore();
    await messages.next();
    expect(parcels()).toEqual(['p-1']);
  });
});
