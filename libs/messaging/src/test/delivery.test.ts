import { captureMessages, createTcpProxy, eventually, publishRaw } from '@warren/testing';
import { connect, type ConsumeMessage, type GetMessage } from 'amqplib';
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1 } from './parcel-contracts.ts';
import {
  behaviours,
  craneAway,
  failing,
  permanentFailure,
  plainFailure,
  RecordParcels,
} from './parcel-handlers.ts';
import { TestBench, type TestService } from './test-service.ts';
import { strangersMessage } from './strangers-message.ts';

const topology = defineTopology({
  service: 'track-service',
  exchanges: ['parcels.events'],
  consumes: [{ queue: 'parcels', handles: [ParcelMovedV1], concurrency: 4, retryDelays: ['50ms', '100ms'] }],
});

const bench = new TestBench();
beforeEach(() => bench.open());
afterEach(async () => {
  behaviours.clear();
  await bench.close();
});

const start = (options = {}) => bench.start({ topology, controllers: [RecordParcels], ...options });

function envelope(data: object, id: string = uuidv7(), more: object = {}) {
  return { ...strangersMessage(data, { id }), ...more };
}

/** As a program in another language would: no header of ours, no AMQP property but what it likes. */
const send = (body: object | string) =>
  publishRaw(bench.broker.url, 'parcels.events', 'parcel.moved.v1', body);

async function deadLetter(): Promise<ConsumeMessage | GetMessage> {
  const connection = await connect(bench.broker.url);
  const channel = await connection.createChannel();
  try {
    return await eventually(async () => {
      const message = await channel.get('track-service.parcels.dead', { noAck: true });
      if (!message) throw new Error('no dead letter yet');
      return message;
    });
  } finally {
    await connection.close();
  }
}

async function depth(queue: string): Promise<number> {
  const connection = await connect(bench.broker.url);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await connection.close();
  return messageCount;
}

async function expectEffects(service: TestService, steps: number[]): Promise<void> {
  await eventually(async () => expect((await service.effects()).map(({ step }) => step)).toEqual(steps));
}

/** Everything that was sent has been dealt with: nothing waits, nothing is in hand. */
async function expectQueueEmpty(): Promise<void> {
  await eventually(async () => {
    const { messages } = await bench.broker.management.call<{ messages: number }>(
      'GET',
      `/queues/${bench.broker.vhost}/track-service.parcels`,
    );
    expect(messages).toBe(0);
  });
}

describe('delivery', () => {
  it('gives a message of any producer to its handler, with its effect in the transaction', async () => {
    const service = await start();
    await send(envelope({ parcelId: 'p-1', step: 1, unknownToUs: true }, undefined, { extension: 'kept' }));
    await expectEffects(service, [1]);
  });

  it.each([
    ['UUIDv7', () => uuidv7()],
    ['another UUID', () => uuidv4()],
    ['an id that is no UUID', () => 'parcel-4711'],
    ['a UUIDv7 of last year', () => uuidv7({ msecs: Date.now() - 365 * 86_400_000 })],
  ])('has the effect of a message once, however often it is delivered: %s', async (_kind, newId) => {
    const service = await start();
    const id = newId();
    for (let n = 0; n < 5; n += 1) await send(envelope({ parcelId: 'p-1', step: 1 }, id));
    await send(envelope({ parcelId: 'p-2', step: 2 }));
    await expectQueueEmpty();
    await eventually(async () => expect(await service.effects()).toHaveLength(2));
    expect((await service.effects()).map(({ step }) => step).sort()).toEqual([1, 2]);
  });

  it('takes ids that are no UUIDs for different messages when their sources differ', async () => {
    const service = await start();
    await send(envelope({ parcelId: 'p-1', step: 1 }, '42', { source: '/a' }));
    await send(envelope({ parcelId: 'p-1', step: 1 }, '42', { source: '/b' }));
    await expectEffects(service, [1, 1]);
  });

  it('tries a message that failed again, and leaves no trace of the failed attempts', async () => {
    const service = await start();
    const attempts: number[] = [];
    const fail = failing(2, plainFailure);
    behaviours.set('flaky', ({ attempt }) => {
      attempts.push(attempt);
      fail();
    });
    await send(envelope({ parcelId: 'p-1', step: 1, behaviour: 'flaky' }));
    await expectEffects(service, [1]);
    expect(attempts).toEqual([1, 2, 3]);
    expect(await depth('track-service.parcels.dead')).toBe(0);
  });

  it('dead-letters a message whose attempts are used up, with all that an operator needs to know', async () => {
    const service = await start();
    behaviours.set('stuck', failing(Infinity, plainFailure));
    const body = envelope({ parcelId: 'p-1', step: 1, behaviour: 'stuck' });
    await send(body);
    const dead = await deadLetter();
    expect(JSON.parse(dead.content.toString())).toEqual(body);
    expect(dead.properties.headers).toMatchObject({
      'x-warren-reason': 'attempts-exhausted',
      'x-warren-error-class': 'Error',
      'x-warren-error-message': 'the crane is stuck',
      'x-warren-error-stack': expect.stringContaining('parcel-handlers'),
      'x-warren-queue': 'track-service.parcels',
      'x-warren-exchange': 'parcels.events',
      'x-warren-routing-key': 'parcel.moved.v1',
      'x-warren-failed-attempts': 3,
      'x-warren-first-failure-at': expect.stringMatching(/Z$/),
      'x-warren-last-failure-at': expect.stringMatching(/Z$/),
    });
    await send(envelope({ parcelId: 'p-2', step: 2 }));
    await expectEffects(service, [2]);
  });

  it('dead-letters at once when the handler gives up', async () => {
    await start();
    behaviours.set('lost', failing(1, permanentFailure));
    await send(envelope({ parcelId: 'p-1', step: 1, behaviour: 'lost' }));
    expect((await deadLetter()).properties.headers).toMatchObject({
      'x-warren-reason': 'permanent-failure',
      'x-warren-error-class': 'PermanentFailure',
      'x-warren-failed-attempts': 1,
    });
  });

  it.each([
    ['a body that is no JSON', 'malformed', 'not json'],
    ['a JSON body that is no envelope', 'malformed', '{"pattern":"x"}'],
    ['data that its contract does not allow', 'invalid', envelope({ parcelId: '', step: -1 })],
    ['a type without a handler', 'unknown-type', envelope({}, uuidv7(), { type: 'parcel.vanished.v1' })],
  ])('dead-letters %s as %s, and goes on', async (_what, reason, body) => {
    const service = await start();
    await send(body);
    expect((await deadLetter()).properties.headers).toMatchObject({ 'x-warren-reason': reason });
    await send(envelope({ parcelId: 'p-2', step: 2 }));
    await expectEffects(service, [2]);
  });

  it('does not take a message for handled whose handler went on after a failed statement', async () => {
    const service = await start();
    behaviours.set('careless', async ({ tx }) => {
      await expect(tx.query('SELECT 1 / $1::int', [0])).rejects.toThrow('division by zero');
    });
    await send(envelope({ parcelId: 'p-1', step: 1, behaviour: 'careless' }));
    expect((await deadLetter()).properties.headers).toMatchObject({
      'x-warren-error-message': expect.stringContaining('rolled back instead of committed'),
    });
    expect(await service.effects()).toEqual([]);
  });

  it('does not count how a handler ends that was started for a duplicate', async () => {
    const service = await start();
    const id = uuidv7();
    let calls = 0;
    behaviours.set('once', () => {
      calls += 1;
      if (calls > 1) throw permanentFailure();
    });
    for (let n = 0; n < 3; n += 1) {
      await send(envelope({ parcelId: 'p-1', step: 1, behaviour: 'once' }, id));
      await expectEffects(service, [1]);
      await expectQueueEmpty();
    }
    expect(await depth('track-service.parcels.dead')).toBe(0);
    expect(await service.effects()).toHaveLength(1);
  });

  it('keeps the message that is in hand, and no other, when later ones are done before it', async () => {
    const service = await start();
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    behaviours.set('slow', () => finished);
    await send(envelope({ parcelId: 'slow', step: 0, behaviour: 'slow' }));
    const quick = Array.from({ length: 20 }, (_, n) => n + 1);
    for (const step of quick) await send(envelope({ parcelId: 'quick', step }));
    await eventually(async () => expect(await service.effects()).toHaveLength(20));
    await eventually(async () => {
      const queue = await bench.broker.management.call<Record<string, number>>(
        'GET',
        `/queues/${bench.broker.vhost}/track-service.parcels`,
      );
      expect(queue).toMatchObject({ messages_ready: 0, messages_unacknowledged: 1 });
    });
    finish();
    await expectQueueEmpty();
    expect((await service.effects()).map(({ step }) => step).sort((a, b) => a - b)).toEqual([0, ...quick]);
  });

  it('cuts an error that would not fit into the frame', async () => {
    await start();
    behaviours.set('verbose', () => {
      const error = new Error('ä'.repeat(1 << 20));
      error.stack = `Error\n${'    at somewhere (/far/away.ts:1:1)\n'.repeat(5_000)}`;
      throw error;
    });
    await send(envelope({ parcelId: 'p-1', step: 1, behaviour: 'verbose' }));
    const { headers } = (await deadLetter()).properties;
    expect(headers!['x-warren-error-message']).toMatch(/^ä+…$/);
    expect(Buffer.byteLength(JSON.stringify(headers))).toBeLessThan(16_384);
  });

  it('has an effect once when the connection dies between commit and acknowledgement', async () => {
    const proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.broker.url).port)));
    const service = await start({ brokerUrl: proxy.through(bench.broker.url) });
    let deliveries = 0;
    behaviours.set('cut', () => {
      deliveries += 1;
      if (deliveries === 1) proxy.cut();
    });
    await send(envelope({ parcelId: 'p-1', step: 1, behaviour: 'cut' }));
    await expectEffects(service, [1]);
    await expectQueueEmpty();
    await expectEffects(service, [1]);
    expect(deliveries).toBe(1);
  });

  it('consumes again after its queue was deleted, and declares it anew', async () => {
    const service = await start();
    await send(envelope({ parcelId: 'p-1', step: 1 }));
    await expectEffects(service, [1]);
    await bench.broker.management.call('DELETE', `/queues/${bench.broker.vhost}/track-service.parcels`);
    await eventually(() => send(envelope({ parcelId: 'p-2', step: 2 })));
    await expectEffects(service, [1, 2]);
  });

  it('pauses while a dependency is away, then handles everything, with nothing dead-lettered', async () => {
    const service = await start();
    let away = true;
    let calls = 0;
    behaviours.set('crane', () => {
      calls += 1;
      if (away) throw craneAway();
    });
    for (let step = 0; step < 40; step += 1)
      await send(envelope({ parcelId: `p-${step}`, step, behaviour: 'crane' }));
    // The breaker opens at the third failure in a row; what was under way besides may still call.
    await eventually(() => expect(calls).toBeGreaterThanOrEqual(5));
    const callsWhileAway = calls;
    away = false;
    await eventually(async () => expect(await service.effects()).toHaveLength(40));
    expect(callsWhileAway).toBeLessThan(20);
    expect(await depth('track-service.parcels.dead')).toBe(0);
  });

  it('gives back what it has not begun when it stops, finishes what it has, and loses nothing', async () => {
    const first = await start();
    behaviours.set('slow', async ({ tx }) => {
      await tx.query('SELECT pg_sleep(0.05)');
    });
    for (let step = 0; step < 40; step += 1)
      await send(envelope({ parcelId: `p-${step}`, step, behaviour: 'slow' }));
    await eventually(async () => expect((await first.effects()).length).toBeGreaterThan(3));
    await first.stop();
    const second = await start();
    await eventually(async () => expect(await second.effects()).toHaveLength(40));
    await expectQueueEmpty();
    expect(new Set((await second.effects()).map(({ step }) => step)).size).toBe(40);
    expect(await depth('track-service.parcels.dead')).toBe(0);
  });

  it('sends a retried message back to the queue that failed and to no other', async () => {
    const service = await start();
    const others = bench.use(await captureMessages(bench.broker.url, 'parcels.events', '#'));
    behaviours.set('flaky', failing(1, plainFailure));
    await send(envelope({ parcelId: 'p-1', step: 1, behaviour: 'flaky' }));
    await expectEffects(service, [1]);
    expect(others.all).toHaveLength(1);
  });
});
