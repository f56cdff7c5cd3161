import { Controller } from '@nestjs/common';
import { eventually } from '@warren/testing';
import { connect } from 'amqplib';
import { applyTopology } from '../broker/apply-topology.ts';
import { MiswiredService } from '../errors.ts';
import { HandleMessage } from '../message-handler.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1, SendParcelV1, WeighParcelV1 } from './parcel-contracts.ts';
import { RecordParcels } from './parcel-handlers.ts';
import { TestBench } from './test-service.ts';

const consumes = [{ queue: 'parcels', handles: [ParcelMovedV1] }];

describe('a topology', () => {
  it.each([
    ['a queue without a contract', { consumes: [{ queue: 'parcels', handles: [] }] }, /handles nothing/],
    [
      'one type in two queues',
      { consumes: [...consumes, { queue: 'others', handles: [ParcelMovedV1] }] },
      /queue "parcels" and "others"/,
    ],
    [
      'two queues of one name',
      { consumes: [...consumes, { queue: 'parcels', handles: [SendParcelV1] }] },
      /twice/,
    ],
    [
      'a request among events',
      { consumes: [{ queue: 'parcels', handles: [WeighParcelV1] }] },
      /is a request/,
    ],
    ['a name in capitals', { consumes: [{ queue: 'Parcels', handles: [ParcelMovedV1] }] }, /lower case/],
    ['no delay', { consumes: [{ ...consumes[0]!, retryDelays: [] }] }, /at least one delay/],
    ['a concurrency of none', { consumes: [{ ...consumes[0]!, concurrency: 0 }] }, /positive integer/],
  ])('is refused with %s', (_what, options, problem) => {
    expect(() => defineTopology({ service: 'track-service', ...options })).toThrow(problem);
  });
});

describe('boot', () => {
  const bench = new TestBench();
  beforeEach(() => bench.open());
  afterEach(() => bench.close());

  it('fails, naming the mend, when nothing handles what a queue receives', async () => {
    const topology = defineTopology({ service: 'track-service', consumes });
    await expect(bench.start({ topology })).rejects.toThrow(/nothing handles it: add a controller method/);
  });

  it('fails, naming the mend, when a handler has no queue', async () => {
    const topology = defineTopology({ service: 'track-service' });
    await expect(bench.start({ topology, controllers: [RecordParcels] })).rejects.toThrow(
      /add its contract to a queue/,
    );
  });

  it('fails when two handlers claim one type', async () => {
    @Controller()
    class Another {
      @HandleMessage(ParcelMovedV1)
      async moved(): Promise<void> {}
    }
    const topology = defineTopology({ service: 'track-service', consumes });
    await expect(bench.start({ topology, controllers: [RecordParcels, Another] })).rejects.toThrow(
      /two handlers claim/,
    );
  });

  it('fails when a queue of the name exists with other arguments, and says what to do', async () => {
    const admin = await connect(bench.broker.url);
    const channel = await admin.createChannel();
    await channel.assertQueue('track-service.parcels', { durable: true });
    await admin.close();
    const topology = defineTopology({ service: 'track-service', exchanges: ['parcels.events'], consumes });
    const starting = bench.start({ topology, controllers: [RecordParcels] });
    await expect(starting).rejects.toThrow(/drain and delete it there/);
    await expect(starting).rejects.toBeInstanceOf(MiswiredService);
  });

  it('waits for the exchange of another service, says so, and consumes when it is there', async () => {
    const topology = defineTopology({ service: 'track-service', consumes });
    const service = await bench.start({ topology, controllers: [RecordParcels] });
    await eventually(() =>
      expect(service.status.consumers()).toEqual([
        {
          queue: 'track-service.parcels',
          consuming: false,
          reason: expect.stringContaining('parcels.events'),
        },
      ]),
    );
    await bench.start({
      topology: defineTopology({ service: 'parcel-service', exchanges: ['parcels.events'] }),
    });
    await eventually(() =>
      expect(service.status.consumers()).toEqual([{ queue: 'track-service.parcels', consuming: true }]),
    );
  });

  it('does not wait for a broker that is away', async () => {
    const topology = defineTopology({ service: 'track-service', exchanges: ['parcels.events'], consumes });
    const url = new URL(bench.broker.url);
    url.port = '1';
    const service = await bench.start({ topology, controllers: [RecordParcels], brokerUrl: url.href });
    expect(service.status.consumers()[0]).toMatchObject({
      consuming: false,
      reason: expect.stringMatching(/REFUSED/),
    });
    expect(service.status.publisher()).toMatchObject({ connected: false });
  });
});

describe('applying a topology ahead of the start', () => {
  const bench = new TestBench();
  const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
  beforeEach(() => bench.open());
  afterEach(() => bench.close());

  const track = defineTopology({ service: 'track-service', consumes });
  const parcel = defineTopology({ service: 'parcel-service', exchanges: ['parcels.events'] });

  it('leaves every queue bound, in whatever order the services do it', async () => {
    const brokerUrls = [bench.broker.url];
    await Promise.all([
      applyTopology({ topology: track, brokerUrls, logger: quiet }),
      applyTopology({ topology: parcel, brokerUrls, logger: quiet }),
    ]);
    const bindings = await bench.broker.management.call<{ source: string; routing_key: string }[]>(
      'GET',
      `/queues/${bench.broker.vhost}/track-service.parcels/bindings`,
    );
    expect(bindings).toContainEqual(
      expect.objectContaining({ source: 'parcels.events', routing_key: 'parcel.moved.v1' }),
    );
  });

  it('fails when an exchange of another is not there in time, and names it', async () => {
    const applying = applyTopology({
      topology: track,
      brokerUrls: [bench.broker.url],
      logger: quiet,
      timeoutMs: 300,
    });
    await expect(applying).rejects.toThrow(/parcels\.events is not there/);
  });
});
