import { Controller } from '@nestjs/common';
import { DefineEvent } from '@warren/contracts';
import { captureMessages, eventually, publishRaw } from '@warren/testing';
import { connect, type GetMessage, type Options } from 'amqplib';
import { IsObject, IsOptional } from 'class-validator';
import type { MessageContext } from '../message-context.ts';
import { HandleMessage } from '../message-handler.ts';
import { Outbox } from '../outbox/outbox.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1 } from './parcel-contracts.ts';
import { recordEffect } from './parcel-handlers.ts';
import { TestBench } from './test-service.ts';
import { strangersMessage } from './strangers-message.ts';

@DefineEvent<TrackDrawnV1>({
  type: 'track.drawn.v1',
  exchange: 'tracks.events',
  publishedBy: 'track-service',
  description: 'A track was drawn.',
  example: { drawing: {} },
})
class TrackDrawnV1 {
  @IsOptional()
  @IsObject()
  drawing!: object;
}

const topology = defineTopology({
  service: 'track-service',
  exchanges: ['parcels.events', 'tracks.events'],
  publishes: [TrackDrawnV1],
  consumes: [{ queue: 'parcels', handles: [ParcelMovedV1], concurrency: 1, retryDelays: ['50ms'] }],
});

/** What the handler appends when it gets the parcel of this name. */
const drawings: Record<string, () => object> = {
  circular: () => {
    const drawing: Record<string, unknown> = {};
    drawing['itself'] = drawing;
    return drawing;
  },
  huge: () => ({ ink: 'x'.repeat(16 * 1024 * 1024) }),
  plain: () => ({ ink: 'blue' }),
};

@Controller()
class DrawTracks {
  constructor(private readonly outbox: Outbox) {}

  @HandleMessage(ParcelMovedV1)
  async moved(parcel: ParcelMovedV1, context: MessageContext): Promise<void> {
    if (parcel.behaviour === 'fails') throw new Error('the crane is stuck');
    await recordEffect(context, parcel);
    await this.outbox.append(context.tx, TrackDrawnV1, {
      subject: parcel.parcelId,
      sequence: parcel.step,
      data: { drawing: drawings[parcel.parcelId]!() },
    });
  }
}

const bench = new TestBench();
beforeEach(() => bench.open());
afterEach(() => bench.close());

const start = () => bench.start({ topology, controllers: [DrawTracks] });

function send(parcelId: string, behaviour?: string, properties: Options.Publish = {}): Promise<void> {
  const body = strangersMessage(
    { parcelId, step: 1, ...(behaviour !== undefined && { behaviour }) },
    { subject: parcelId },
  );
  return publishRaw(bench.broker.url, 'parcels.events', 'parcel.moved.v1', body, properties);
}

async function deadLetter(): Promise<GetMessage> {
  const connection = await connect(bench.broker.url);
  try {
    const channel = await connection.createChannel();
    return await eventually(async () => {
      const message = await channel.get('track-service.parcels.dead', { noAck: true });
      if (!message) throw new Error('no dead letter yet');
      return message;
    });
  } finally {
    await connection.close();
  }
}

const effects = async (service: Awaited<ReturnType<typeof start>>) =>
  (await service.effects()).map((effect) => effect.parcel_id);

describe('what can not be encoded', () => {
  it.each([
    ['circular', /circular structure/],
    ['huge', /the message as JSON must have 1 to 15728640 bytes/],
  ])(
    'fails the handler that appends it, which has no effect, and its consumer goes on: %s',
    async (name, error) => {
      const service = await start();
      await send(name);
      expect((await deadLetter()).properties.headers).toMatchObject({
        'x-warren-reason': 'attempts-exhausted',
        'x-warren-failed-attempts': 2,
        'x-warren-error-message': expect.stringMatching(error),
      });
      const tracks = bench.use(await captureMessages(bench.broker.url, 'tracks.events', '#'));
      await send('plain');
      expect((await tracks.next()).json()).toMatchObject({ subject: 'plain' });
      expect(await effects(service)).toEqual(['plain']);
    },
  );

  it.each([
    ['circular', /circular structure/],
    ['huge', /the message as JSON must have/],
  ])(
    'is told to whoever appends it outside of a handler, and leaves nothing behind: %s',
    async (name, error) => {
      const service = await start();
      const appending = service.dataSource.transaction((tx) =>
        service.outbox.append(tx, TrackDrawnV1, {
          subject: name,
          sequence: 1,
          data: { drawing: drawings[name]!() },
        }),
      );
      await expect(appending).rejects.toThrow(error);
      expect((await service.outbox.status()).rows).toBe(0);
    },
  );

  it.each<[string, Record<string, unknown>]>([
    // Read, they take twice the room: as double precision.
    ['beyond the frame', { scan: Array.from({ length: 7_900 }, () => ({ '!': 'float', value: 0.5 })) }],
    ['a number beyond those of JavaScript', { count: { '!': 'int64', value: 2n ** 62n } }],
    ['a time', { at: { '!': 'timestamp', value: 1_764_000_000 } }],
    ['bytes', { raw: Buffer.alloc(200, 0xff) }],
  ])('of a stranger does not keep its message in the way: headers with %s', async (_what, headers) => {
    const service = await start();
    await send('stranger', 'fails', { headers });
    const dead = await deadLetter();
    expect(JSON.parse(dead.content.toString())).toMatchObject({ subject: 'stranger' });
    expect(dead.properties.headers).toMatchObject({
      'x-warren-queue': 'track-service.parcels',
      'x-warren-reason': expect.stringMatching(/^(?:attempts-exhausted|unsendable)$/),
    });
    await send('plain');
    await eventually(async () => expect(await effects(service)).toEqual(['plain']));
  });
});
