import { Controller } from '@nestjs/common';
import { createTcpProxy, eventually, publishRaw } from '@warren/testing';
import { connect } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { RequestFailed, RequestTimedOut } from '../errors.ts';
import type { MessageContext } from '../message-context.ts';
import { AnswerRequest, HandleMessage } from '../message-handler.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1, ParcelWeightV1, WeighParcelV1 } from './parcel-contracts.ts';
import { TestBench } from './test-service.ts';
import { strangersMessage } from './strangers-message.ts';

const bench = new TestBench();
beforeEach(() => bench.open());
afterEach(() => bench.close());

async function deadLetterHeaders(): Promise<unknown> {
  const connection = await connect(bench.broker.url);
  const channel = await connection.createChannel();
  try {
    return await eventually(async () => {
      const dead = await channel.get('track-service.parcels.dead', { noAck: true });
      if (!dead) throw new Error('no dead letter yet');
      return dead.properties.headers;
    });
  } finally {
    await connection.close();
  }
}

/** As a consumer does whose process dies with the message in hand. */
async function redeliverAtTheNextStart(): Promise<void> {
  const connection = await connect(bench.broker.url);
  const channel = await connection.createChannel();
  await eventually(async () => {
    if (!(await channel.get('track-service.parcels'))) throw new Error('not there yet');
  });
  await connection.close();
}

describe('a deferred handler', () => {
  const topology = defineTopology({
    service: 'track-service',
    exchanges: ['parcels.events'],
    consumes: [{ queue: 'parcels', handles: [ParcelMovedV1], retryDelays: ['50ms'] }],
  });

  let worked = 0;
  let work: (parcel: ParcelMovedV1, context: MessageContext) => Promise<void>;

  @Controller()
  class Deferred {
    @HandleMessage(ParcelMovedV1, { transaction: 'deferred' })
    async moved(parcel: ParcelMovedV1, context: MessageContext): Promise<void> {
      worked += 1;
      await work(parcel, context);
    }
  }

  const record = ({ parcelId, step }: ParcelMovedV1, context: MessageContext) =>
    context.complete((tx) =>
      tx.query('INSERT INTO effects (parcel_id, step) VALUES ($1, $2)', [parcelId, step]),
    );

  const send = (id: string, step: number) =>
    publishRaw(
      bench.broker.url,
      'parcels.events',
      'parcel.moved.v1',
      strangersMessage({ parcelId: 'p-1', step }, { id }),
    );

  beforeEach(() => {
    worked = 0;
    work = async (parcel, context) => {
      await record(parcel, context);
    };
  });

  it('has its effect once, and is not called for a message that had it', async () => {
    const service = await bench.start({ topology, controllers: [Deferred] });
    const id = uuidv7();
    await send(id, 1);
    await eventually(async () => expect(await service.effects()).toHaveLength(1));
    await send(id, 1);
    await send(uuidv7(), 2);
    await eventually(async () => expect(await service.effects()).toHaveLength(2));
    expect(worked).toBe(2);
  });

  it('has its effect once when two deliveries of a message are worked on at the same time', async () => {
    const service = await bench.start({ topology, controllers: [Deferred] });
    let arrived = 0;
    let open!: () => void;
    const bothArrived = new Promise<void>((resolve) => (open = resolve));
    work = async (parcel, context) => {
      arrived += 1;
      if (arrived === 2) open();
      await bothArrived;
      await record(parcel, context);
    };
    const id = uuidv7();
    await send(id, 1);
    await send(id, 1);
    await eventually(() => expect(worked).toBe(2));
    work = async (parcel, context) => {
      await record(parcel, context);
    };
    await send(uuidv7(), 2);
    await eventually(async () => expect((await service.effects()).map(({ step }) => step)).toContain(2));
    await eventually(async () => expect(await service.effects()).toHaveLength(2));
  });

  it('parks a message that has ended its process too often, and goes on', async () => {
    const service = await bench.start({ topology, controllers: [Deferred] });
    await service.stop();
    const id = uuidv7();
    await send(id, 1);
    await redeliverAtTheNextStart();
    await bench.database.query(
      `INSERT INTO track_service.redeliveries_begun VALUES ('track-service.parcels', '/elsewhere', $1, 5, now())`,
      [id],
    );
    const next = await bench.start({ topology, controllers: [Deferred] });
    expect(await deadLetterHeaders()).toMatchObject({
      'x-warren-reason': 'kills-the-process',
      'x-warren-error-message': expect.stringContaining('5 times'),
    });
    await send(uuidv7(), 2);
    await eventually(async () => expect(await next.effects()).toEqual([{ parcel_id: 'p-1', step: 2 }]));
    expect(worked).toBe(1);
  });

  it('is dead-lettered when it returns without completing, since its effect is not recorded', async () => {
    await bench.start({ topology, controllers: [Deferred] });
    work = async () => {};
    await send(uuidv7(), 1);
    expect(await deadLetterHeaders()).toMatchObject({
      'x-warren-reason': 'permanent-failure',
      'x-warren-error-message': expect.stringContaining('without ctx.complete()'),
    });
  });
});

describe('requests', () => {
  const asker = defineTopology({ service: 'shop-service', asks: [WeighParcelV1] });
  const answerer = defineTopology({
    service: 'parcel-service',
    exchanges: ['parcels.commands'],
    answers: [{ queue: 'queries', handles: [WeighParcelV1] }],
  });

  @Controller()
  class Scales {
    @AnswerRequest(WeighParcelV1)
    async weigh({ parcelId }: WeighParcelV1): Promise<ParcelWeightV1> {
      if (parcelId === 'broken') throw new Error('the scales are broken');
      if (parcelId === 'forever') await new Promise(() => {});
      return { grams: parcelId.length * 100 };
    }
  }

  const ask = (service: Awaited<ReturnType<TestBench['start']>>, parcelId: string, timeoutMs = 5_000) =>
    service.requests.ask(WeighParcelV1, { parcelId }, { reply: ParcelWeightV1, timeoutMs });

  it('are answered, each with its own answer', async () => {
    await bench.start({ topology: answerer, controllers: [Scales] });
    const shop = await bench.start({ topology: asker });
    await eventually(() => ask(shop, 'p'));
    const ids = Array.from({ length: 50 }, (_, n) => 'x'.repeat(n + 1));
    const answers = await Promise.all(ids.map((id) => ask(shop, id)));
    expect(answers.map(({ grams }) => grams)).toEqual(ids.map(({ length }) => length * 100));
    expect(answers[0]).toBeInstanceOf(ParcelWeightV1);
  });

  it('fail with the reason when the handler fails', async () => {
    await bench.start({ topology: answerer, controllers: [Scales] });
    const shop = await bench.start({ topology: asker });
    await eventually(() => ask(shop, 'p'));
    await expect(ask(shop, 'broken')).rejects.toThrow(new RegExp('the scales are broken'));
    await expect(ask(shop, 'broken')).rejects.toBeInstanceOf(RequestFailed);
  });

  it('fail at once when nobody is there to answer, and time out when nobody does in time', async () => {
    const shop = await bench.start({ topology: asker });
    const answering = await bench.start({
      topology: answerer,
      controllers: [Scales],
      shutdownTimeoutMs: 100,
    });
    await eventually(() => ask(shop, 'p'));
    await expect(ask(shop, 'forever', 200)).rejects.toBeInstanceOf(RequestTimedOut);
    await answering.stop();
    await bench.broker.management.call('DELETE', `/queues/${bench.broker.vhost}/parcel-service.queries`);
    await expect(ask(shop, 'p')).rejects.toThrow(/no service answers it/);
  });

  it('are answered again after the connection of the asker was cut', async () => {
    const proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.broker.url).port)));
    await bench.start({ topology: answerer, controllers: [Scales] });
    const shop = await bench.start({ topology: asker, brokerUrl: proxy.through(bench.broker.url) });
    await eventually(() => ask(shop, 'p'));
    proxy.cut();
    await expect(ask(shop, 'p')).rejects.toBeInstanceOf(RequestFailed);
    expect(await eventually(() => ask(shop, 'pp'))).toEqual({ grams: 200 });
  });
});
