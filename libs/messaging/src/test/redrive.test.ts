import { captureMessages, createTcpProxy, eventually } from '@warren/testing';
import type { DeadLetter } from '../dead-letters/dead-letter.ts';
import { defineTopology } from '../topology.ts';
import { DeadLetterBench, trackTopology } from './dead-letter-bench.ts';
import { ParcelMovedV1 } from './parcel-contracts.ts';
import { behaviours, failing, permanentFailure, plainFailure, RecordParcels } from './parcel-handlers.ts';
import { TestBench, type TestService } from './test-service.ts';

const QUEUE = 'track-service.parcels';
const DEAD = `${QUEUE}.dead`;
const DAY = 86_400_000;

const bench = new TestBench();
const dead = new DeadLetterBench();
beforeEach(async () => {
  await bench.open();
  await dead.open(bench.broker);
});
afterEach(async () => {
  behaviours.clear();
  await dead.close();
  await bench.close();
});

/** Of the service's queues the one that has a handler here. */
async function start(): Promise<TestService> {
  const topology = defineTopology({
    service: 'track-service',
    exchanges: ['parcels.events', 'parcels.commands'],
    consumes: [{ queue: 'parcels', handles: [ParcelMovedV1], concurrency: 4, retryDelays: ['3s'] }],
  });
  const service = await bench.start({ topology, controllers: [RecordParcels] });
  await eventually(() => expect(service.status.consumers()).toMatchObject([{ consuming: true }]));
  return service;
}

async function lettersIn(queue = QUEUE): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  await dead.letters.look({ queues: [queue] }, (letter) => letters.push(letter));
  return letters;
}

const stepsOf = async (service: TestService) => (await service.effects()).map(({ step }) => step);
const quick = { settleMs: 300 };

describe('a redrive', () => {
  it('sends dead letters to the queue that failed and no other, where they have their effect', async () => {
    await dead.bury(30);
    await dead.bury(2, { queue: 'orders', type: 'parcel.send.v1' });
    const others = bench.use(await captureMessages(bench.broker.url, 'parcels.events', '#'));
    const report = await dead.letters.redrive({ queues: [QUEUE] }, { ramp: false });
    expect(report.queues).toEqual([{ queue: QUEUE, redriven: 30, failedAgain: 0, tooOld: 0, misplaced: 0 }]);
    const service = await start();
    await eventually(async () => expect(await stepsOf(service)).toHaveLength(30));
    expect(new Set(await stepsOf(service)).size).toBe(30);
    expect(await dead.ready(DEAD)).toBe(0);
    expect(await dead.ready('track-service.orders.dead')).toBe(2);
    expect(others.all).toEqual([]);
  });

  it('gives a message all its attempts anew, and tells on the next dead letter how often it was redriven', async () => {
    await start();
    const attempts: number[] = [];
    behaviours.set('stuck', ({ attempt }) => {
      attempts.push(attempt);
      throw plainFailure();
    });
    await dead.bury(1, { behaviour: 'stuck' });
    for (const times of [1, 2]) {
      const { redrive } = await dead.letters.redrive({}, { ramp: false });
      await eventually(async () => {
        const [letter] = await lettersIn();
        expect(letter).toMatchObject({ failedAttempts: 2, redriven: { times, redrive } });
      });
    }
    expect(attempts).toEqual([1, 2, 1, 2]);
  });

  it('has no second effect for a message that had its effect', async () => {
    const service = await start();
    const [id] = await dead.bury(1, { step: 1 });
    await dead.letters.redrive({}, { ramp: false });
    await eventually(async () => expect(await stepsOf(service)).toEqual([1]));
    await dead.bury(1, { id: id!, step: 1 });
    await dead.bury(1, { step: 2 });
    await dead.letters.redrive({}, { ramp: false });
    await eventually(async () => expect(await stepsOf(service)).toEqual([1, 2]));
  });

  it('leaves what is not meant in its place and order', async () => {
    const kept: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      await dead.bury(10, { reason: 'attempts-exhausted' });
      kept.push(...(await dead.bury(15, { reason: 'invalid' })));
    }
    const report = await dead.letters.redrive({ reasons: ['attempts-*'] }, { ramp: false });
    expect(report.queues[1]).toMatchObject({ queue: QUEUE, redriven: 200 });
    expect(await dead.idsIn(DEAD)).toEqual(kept);
    expect(await dead.ready(QUEUE)).toBe(200);
  });

  it('leaves what the inbox may have forgotten, unless it is forced, and what failed elsewhere', async () => {
    await dead.bury(2, { ageMs: 31 * DAY });
    await dead.bury(3, { headers: { 'x-warren-queue': 'other-service.parcels' } });
    await dead.bury(1);
    const filter = { queues: [QUEUE] };
    const { queues } = await dead.letters.redrive(filter, { ramp: false });
    expect(queues[0]).toMatchObject({ redriven: 1, tooOld: 2, misplaced: 3 });
    const forced = await dead.letters.redrive(filter, { ramp: false, force: true });
    expect(forced.queues[0]).toMatchObject({ redriven: 2, tooOld: 0, misplaced: 3 });
    expect(await dead.ready(DEAD)).toBe(3);
  });

  it('sends each message once, though it comes back at once', async () => {
    await start();
    behaviours.set('lost', failing(Infinity, permanentFailure));
    await dead.bury(40, { behaviour: 'lost' });
    const { queues } = await dead.letters.redrive({ queues: [QUEUE] }, { ramp: false });
    expect(queues[0]!.redriven).toBe(40);
    await eventually(async () => {
      const letters = await lettersIn();
      expect(letters.map(({ redriven }) => redriven?.times)).toEqual(Array<number>(40).fill(1));
    });
  });

  it('keeps to the number of messages that it may send', async () => {
    const ids = await dead.bury(10);
    await dead.letters.redrive({}, { ramp: false, limit: 4 });
    expect(await dead.idsIn(QUEUE)).toEqual(ids.slice(0, 4));
    expect(await dead.idsIn(DEAD)).toEqual(ids.slice(4));
  });

  it('tells the mend, and loses nothing, when no queue would receive a message, and goes on with the others', async () => {
    await dead.bury(3, { queue: 'queries', type: 'parcel.weigh.v1' });
    await dead.bury(2, { queue: 'orders', type: 'parcel.send.v1' });
    const filter = { queues: ['track-service.queries', 'track-service.parcels', 'track-service.orders'] };
    await dead.model.createChannel().then(async (channel) => {
      await channel.unbindQueue('track-service.orders', 'track-service.requeue', 'track-service.orders');
      await channel.close();
    });
    await dead.bury(1);
    const { queues } = await dead.letters.redrive(filter, { ramp: false });
    expect(queues).toMatchObject([
      { queue: 'track-service.orders', redriven: 0, problem: expect.stringMatching(/no queue receives/) },
      { queue: QUEUE, redriven: 1 },
      { queue: 'track-service.queries', redriven: 0, problem: expect.stringMatching(/discard them/) },
    ]);
    expect(await dead.ready('track-service.queries.dead')).toBe(3);
    expect(await dead.ready('track-service.orders.dead')).toBe(2);
  });

  it('stops on request, with what it had not sent left where it was', async () => {
    await dead.bury(200);
    const stop = new AbortController();
    const report = await dead.letters.redrive(
      {},
      {
        ramp: false,
        perSecond: 50,
        signal: stop.signal,
        onProgress: ({ redriven }) => {
          if (redriven >= 5) stop.abort();
        },
      },
    );
    expect(report.stopped).toMatchObject({ reason: 'interrupted' });
    const sent = await dead.ready(QUEUE);
    expect(sent).toBeGreaterThanOrEqual(5);
    expect(sent).toBeLessThan(200);
    expect((await dead.ready(DEAD)) + sent).toBe(200);
  });

  it('goes on after its connections were cut, and every message has its effect once', async () => {
    const service = await start();
    await dead.bury(400);
    const proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.broker.url).port)));
    const letters = bench.use(await dead.openLetters(proxy.through(bench.broker.url)));
    let cuts = 0;
    const report = await letters.redrive(
      { queues: [QUEUE] },
      {
        ramp: false,
        perSecond: 400,
        onProgress: ({ redriven }) => {
          if (redriven < (cuts + 1) * 50 || cuts === 3) return;
          cuts += 1;
          proxy.cut();
        },
      },
    );
    expect(cuts).toBe(3);
    expect(report.queues[0]!.redriven).toBeGreaterThanOrEqual(400);
    expect(await dead.ready(DEAD)).toBe(0);
    await eventually(async () => expect(new Set(await stepsOf(service)).size).toBe(400));
    expect(await stepsOf(service)).toHaveLength(400);
  });
});

describe('a redrive with a ramp', () => {
  it('sends all, in growing batches, as long as all goes well', async () => {
    const service = await start();
    await dead.bury(30);
    const batches = new Set<number>();
    const report = await dead.letters.redrive(
      { queues: [QUEUE] },
      { ...quick, onProgress: ({ batch }) => batch && batches.add(batch) },
    );
    expect(report.stopped).toBeUndefined();
    expect(report.queues[0]).toMatchObject({ redriven: 30, failedAgain: 0 });
    expect([...batches]).toEqual([1, 2, 5, 20, 50]);
    expect(await stepsOf(service)).toHaveLength(30);
  });

  it('stops after the first message when it is a dead letter again', async () => {
    await start();
    behaviours.set('lost', failing(Infinity, permanentFailure));
    const ids = await dead.bury(600, { behaviour: 'lost' });
    const report = await dead.letters.redrive({ queues: [QUEUE] }, { settleMs: 20_000 });
    expect(report.queues[0]).toMatchObject({ redriven: 1, failedAgain: 1 });
    expect(report.stopped).toMatchObject({ queue: QUEUE, reason: 'failed-again' });
    expect(await dead.idsIn(DEAD)).toEqual([...ids.slice(1), ids[0]]);
  });

  it('stops when a message waits for another attempt, and does not hold that up', async () => {
    const service = await start();
    behaviours.set('flaky', failing(1, plainFailure));
    await dead.bury(10, { behaviour: 'flaky' });
    const report = await dead.letters.redrive({ queues: [QUEUE] }, { settleMs: 20_000 });
    expect(report.queues[0]).toMatchObject({ redriven: 1, failedAgain: 1 });
    expect(report.stopped!.message).toMatch(/1 of the messages.*failed again/);
    await eventually(async () => expect(await stepsOf(service)).toEqual([0]));
  });

  it('bears as many failures as it is told to', async () => {
    await start();
    behaviours.set('lost', failing(Infinity, permanentFailure));
    await dead.bury(1, { behaviour: 'lost' });
    await dead.bury(7);
    const report = await dead.letters.redrive({ queues: [QUEUE] }, { settleMs: 1_000, tolerate: 1 });
    expect(report.stopped).toBeUndefined();
    expect(report.queues[0]).toMatchObject({ redriven: 8, failedAgain: 1 });
  });

  it('does not begin while nobody consumes the queue', async () => {
    await dead.bury(3);
    const report = await dead.letters.redrive({ queues: [QUEUE] }, quick);
    expect(report.stopped).toMatchObject({ reason: 'not-consumed' });
    expect(await dead.ready(DEAD)).toBe(3);
  });

  it('stops when the queue does not work through what was sent', async () => {
    await start();
    behaviours.set('slow', ({ tx }) => tx.query('SELECT pg_sleep(30)') as Promise<void>);
    await dead.bury(10, { behaviour: 'slow' });
    const report = await dead.letters.redrive({ queues: [QUEUE] }, { settleMs: 8_000, patienceMs: 8_000 });
    expect(report.stopped).toMatchObject({ reason: 'not-settled' });
    expect(report.queues[0]!.redriven).toBeLessThan(10); // what is in hand is counted every five seconds
  });
});

describe('a dead letter that the broker made', () => {
  it('is shown with the reason of the broker, and can be redriven', async () => {
    const channel = await dead.model.createChannel();
    await channel.consume(QUEUE, (message) => {
      if (message) channel.reject(message, true); // until the delivery limit of the queue is reached
    });
    const publisher = await dead.model.createConfirmChannel();
    const properties = { messageId: 'poison', type: 'parcel.moved.v1' };
    publisher.publish('track-service.requeue', QUEUE, Buffer.from('{"id":"poison"}'), properties);
    await eventually(async () => expect(await dead.ready(DEAD)).toBe(1));
    await channel.close();
    const [letter] = await lettersIn();
    expect(letter).toMatchObject({ id: 'poison', reason: 'delivery_limit', byConsumer: false });
    expect(Date.now() - letter!.diedAt!.getTime()).toBeLessThan(120_000);
    await dead.letters.redrive({ reasons: ['delivery_limit'] }, { ramp: false });
    expect(await dead.idsIn(QUEUE)).toEqual(['poison']);
    expect(trackTopology.consumers[0]!.deadLetterQueue).toBe(DEAD);
  });
});
