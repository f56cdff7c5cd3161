import { Controller } from '@nestjs/common';
import { createTcpProxy, eventually } from '@warren/testing';
import { connect, type ConfirmChannel } from 'amqplib';
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid';
import type { BatchContext } from '../batch-context.ts';
import { DependencyUnavailable } from '../errors.ts';
import { HandleBatch, HandleMessage, type BatchItem } from '../message-handler.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1, SendParcelV1 } from './parcel-contracts.ts';
import { TestBench, type TestService } from './test-service.ts';
import { strangersMessage } from './strangers-message.ts';

const topology = defineTopology({
  service: 'track-service',
  exchanges: ['parcels.events'],
  consumes: [{ queue: 'parcels', handles: [ParcelMovedV1], retryDelays: ['50ms'] }],
});

let batches: number[][] = [];
let onBatch: (items: BatchItem<ParcelMovedV1>[]) => void;

@Controller()
class Projection {
  @HandleBatch([ParcelMovedV1], { size: 50, withinMs: 30 })
  async moved(items: BatchItem<ParcelMovedV1>[], { tx }: BatchContext): Promise<void> {
    batches.push(items.map(({ data }) => data.step));
    await tx.query('INSERT INTO effects (parcel_id, step) SELECT * FROM unnest($1::text[], $2::int[])', [
      items.map(({ data }) => data.parcelId),
      items.map(({ data }) => data.step),
    ]);
    onBatch(items);
  }
}

const bench = new TestBench();
beforeEach(async () => {
  batches = [];
  onBatch = () => undefined;
  await bench.open();
});
afterEach(() => bench.close());

const start = (options = {}) => bench.start({ topology, controllers: [Projection], ...options });

function envelope(step: number, id: string = uuidv7(), data: object = { parcelId: `p-${step}`, step }) {
  return strangersMessage(data, { id, subject: `p-${step}` });
}

async function sendAll(bodies: (object | string)[]): Promise<void> {
  const connection = await connect(bench.broker.url);
  const channel: ConfirmChannel = await connection.createConfirmChannel();
  for (const body of bodies) {
    const content = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    channel.publish('parcels.events', 'parcel.moved.v1', content, { persistent: true });
  }
  await channel.waitForConfirms();
  await connection.close();
}

const range = (count: number) => Array.from({ length: count }, (_, n) => n);
const stepsOf = async (service: TestService) => (await service.effects()).map(({ step }) => step);

async function deadLetters(): Promise<unknown[]> {
  const connection = await connect(bench.broker.url);
  const channel = await connection.createChannel();
  const reasons: unknown[] = [];
  for (;;) {
    const dead = await channel.get('track-service.parcels.dead', { noAck: true });
    if (!dead) break;
    reasons.push(dead.properties.headers!['x-warren-reason']);
  }
  await connection.close();
  return reasons;
}

describe('a batch handler', () => {
  it('takes many messages in one transaction, in the order of their arrival', async () => {
    const service = await start();
    await sendAll(range(500).map((step) => envelope(step)));
    await eventually(async () => expect(await stepsOf(service)).toEqual(range(500)));
    expect(batches.length).toBeLessThan(100);
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(50);
  });

  it('has the effect of each message once, also of duplicates within a batch and of ids of every kind', async () => {
    const service = await start();
    const messages = range(40).map((step) =>
      envelope(step, [uuidv7(), uuidv4(), `parcel-${step}`][step % 3]),
    );
    await sendAll([...messages, ...messages, ...messages.slice().reverse()]);
    await sendAll([envelope(1_000)]);
    await eventually(async () => expect(await stepsOf(service)).toContain(1_000));
    expect(await stepsOf(service)).toEqual([...range(40), 1_000]);
  });

  it('finds the one message at fault, and has the effect of all others once', async () => {
    const service = await start();
    onBatch = (items) => {
      if (items.some(({ data }) => data.step === 17)) throw new Error('17 is not to be borne');
    };
    await sendAll([...range(30).map((step) => envelope(step)), 'not json', envelope(-5)]);
    const expected = range(30).filter((step) => step !== 17);
    await eventually(async () => {
      expect([...(await stepsOf(service))].sort((a, b) => a - b)).toEqual(expected);
    });
    const reasons: unknown[] = [];
    await eventually(async () => {
      reasons.push(...(await deadLetters()));
      expect([...reasons].sort()).toEqual(['attempts-exhausted', 'invalid', 'malformed']);
    });
  });

  it('waits while a dependency is away, and then handles everything', async () => {
    const service = await start();
    let away = true;
    onBatch = () => {
      if (away) throw new DependencyUnavailable('crane');
    };
    await sendAll(range(120).map((step) => envelope(step)));
    await eventually(() => expect(batches.length).toBeGreaterThan(3));
    away = false;
    await eventually(async () => expect(new Set(await stepsOf(service)).size).toBe(120));
    expect(await service.effects()).toHaveLength(120);
    expect(await deadLetters()).toEqual([]);
  });

  it('has each effect once when the connection is cut again and again', async () => {
    const proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.broker.url).port)));
    const service = await start({ brokerUrl: proxy.through(bench.broker.url) });
    onBatch = () => {
      if (batches.length % 3 === 1) proxy.cut();
    };
    await sendAll(range(300).map((step) => envelope(step)));
    await eventually(async () => expect(new Set(await stepsOf(service)).size).toBe(300), {
      timeoutMs: 40_000,
    });
    expect(await service.effects()).toHaveLength(300);
  });

  it('gives back what it has gathered when it stops, and loses nothing', async () => {
    const first = await start();
    await sendAll(range(400).map((step) => envelope(step)));
    await eventually(() => expect(batches.length).toBeGreaterThan(0));
    await first.stop();
    const second = await start();
    await eventually(async () => expect(await second.effects()).toHaveLength(400));
    expect(new Set(await stepsOf(second)).size).toBe(400);
  });

  it('is refused beside other handlers of the same queue', async () => {
    @Controller()
    class Another {
      @HandleMessage(SendParcelV1)
      async send(): Promise<void> {}
    }
    const mixed = defineTopology({
      service: 'track-service',
      exchanges: ['parcels.events', 'parcels.commands'],
      consumes: [{ queue: 'parcels', handles: [ParcelMovedV1, SendParcelV1] }],
    });
    await expect(bench.start({ topology: mixed, controllers: [Projection, Another] })).rejects.toThrow(
      /batch handler beside others/,
    );
  });

  it('is refused with a size that is none', () => {
    expect(() => HandleBatch([ParcelMovedV1], { size: 0 })).toThrow(RangeError);
  });
});
