import { createTcpProxy, eventually, publishRaw, type TcpProxy } from '@warren/testing';
import { connect, type Channel } from 'amqplib';
import { BrokerConnection } from '../broker/broker-connection.ts';
import { SupervisedConsumer, type Delivery } from '../delivery/supervised-consumer.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1, ParcelWeightV1, SendParcelV1, WeighParcelV1 } from './parcel-contracts.ts';
import { behaviours, RecordParcels } from './parcel-handlers.ts';
import { TestBench } from './test-service.ts';
import { strangersMessage } from './strangers-message.ts';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const QUEUE = 'parcels';
/** Each way: a request and its answer take twice as long, so that something can happen in between. */
const NETWORK_DELAY_MS = 250;

const bench = new TestBench();
let proxy: TcpProxy;
beforeEach(async () => {
  await bench.open();
  proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.broker.url).port)));
});
afterEach(async () => {
  await proxy.restore();
  behaviours.clear();
  await bench.close();
});

/** A channel that does not go through the proxy. */
async function administer(): Promise<Channel> {
  return bench.use(await connect(bench.broker.url)).createChannel();
}

describe('a consumer that is stopped', () => {
  let admin: Channel;
  let connection: BrokerConnection;
  const MESSAGES = 20;
  const CONCURRENCY = 4;

  beforeEach(async () => {
    admin = await administer();
    await admin.assertQueue(QUEUE);
    for (let n = 0; n < MESSAGES; n += 1) admin.sendToQueue(QUEUE, Buffer.from(String(n)));
    await eventually(async () => expect((await admin.checkQueue(QUEUE)).messageCount).toBe(MESSAGES));
    connection = bench.use(new BrokerConnection([proxy.through(bench.broker.url)], 'test', quiet));
    await connection.firstAttempt;
  });

  const consume = (
    onDelivery: (delivery: Delivery) => Promise<void>,
    prepare: () => Promise<void> = () => Promise.resolve(),
  ) =>
    new SupervisedConsumer(
      connection,
      { queue: QUEUE, prefetch: MESSAGES, concurrency: CONCURRENCY, prepare, onDelivery },
      quiet,
    );

  async function expectNothingTaken(): Promise<void> {
    expect(await admin.checkQueue(QUEUE)).toMatchObject({ messageCount: MESSAGES, consumerCount: 0 });
  }

  it('does not begin to consume when it was still preparing', async () => {
    let prepared = (): void => undefined;
    const worked: Delivery[] = [];
    const consumer = consume(
      async (delivery) => void worked.push(delivery),
      () => new Promise((resolve) => (prepared = resolve)),
    );
    const stopped = consumer.stopTaking();
    prepared();
    await stopped;
    await expectNothingTaken();
    // Whatever it had sent to the broker has arrived when a request that came later is answered.
    await (await connection.current!.createChannel()).close();
    await expectNothingTaken();
    expect(worked).toEqual([]);
    await consumer.close();
  });

  it('leaves no consumer behind when the broker had just made it one, and gives everything back once', async () => {
    proxy.delay(NETWORK_DELAY_MS);
    const worked: Delivery[] = [];
    const consumer = consume(async (delivery) => void worked.push(delivery));
    await eventually(async () => expect((await admin.checkQueue(QUEUE)).consumerCount).toBe(1), {
      intervalMs: 5,
    });
    // Its answer and the first messages are on their way.
    await consumer.stopTaking();
    await eventually(expectNothingTaken);
    expect(worked).toEqual([]);
    // A message that comes, goes back and comes again would be delivered many times meanwhile.
    await eventually(async () => {
      const { message_stats: stats } = await bench.broker.management.call<{
        message_stats?: { redeliver?: number; deliver?: number };
      }>('GET', `/queues/${bench.broker.vhost}/${QUEUE}`);
      expect(stats?.deliver).toBe(MESSAGES);
      expect(stats?.redeliver ?? 0).toBe(0);
    });
    await consumer.close();
  });

  it('has the acknowledgements of its last handlers with the broker when it is closed', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let begun = 0;
    const consumer = consume(async (delivery) => {
      begun += 1;
      await released;
      delivery.ack();
    });
    await eventually(() => expect(begun).toBe(CONCURRENCY));
    proxy.delay(NETWORK_DELAY_MS);
    await consumer.stopTaking();
    release();
    await consumer.whenIdle();
    await consumer.close();
    proxy.cut();
    await eventually(async () => {
      expect(await admin.checkQueue(QUEUE)).toMatchObject({ messageCount: MESSAGES - CONCURRENCY });
    });
    const left: number[] = [];
    for (let next = await admin.get(QUEUE); next; next = await admin.get(QUEUE)) {
      left.push(Number(next.content));
    }
    expect(left).toEqual(Array.from({ length: MESSAGES - CONCURRENCY }, (_, n) => CONCURRENCY + n));
  });

  it('is closed also when its channel closes at that moment', async () => {
    const worked: Delivery[] = [];
    const consumer = consume(async (delivery) => void worked.push(delivery));
    await eventually(() => expect(worked).toHaveLength(MESSAGES));
    const closed = consumer.close();
    proxy.cut();
    await closed;
    await eventually(expectNothingTaken);
  });

  it.each<[string, (consumer: SupervisedConsumer) => Promise<void>]>([
    ['it takes no more', (consumer) => consumer.stopTaking()],
    ['it is closed', (consumer) => consumer.close()],
    ['its connection is closed', () => connection.close()],
  ])('does not wait for a broker of which nothing is heard when %s', async (_what, stop) => {
    const worked: Delivery[] = [];
    const consumer = consume(async (delivery) => void worked.push(delivery));
    await eventually(() => expect(worked.length).toBeGreaterThan(0));
    await eventually(() => expect(consumer.problem).toBeUndefined());
    proxy.blackhole();
    const stoppedAt = performance.now();
    await stop(consumer);
    // By itself the connection would be given up after two heartbeats, which are 10 s.
    expect(performance.now() - stoppedAt).toBeLessThan(8_000);
  });
});

describe('a service that is stopped', () => {
  const topology = defineTopology({
    service: 'parcel-service',
    exchanges: ['parcels.events', 'parcels.commands'],
    publishes: [ParcelMovedV1, SendParcelV1],
    asks: [WeighParcelV1],
    consumes: [{ queue: 'parcels', handles: [ParcelMovedV1], concurrency: 2 }],
  });
  const SHUTDOWN_TIMEOUT_MS = 1_000;
  /** The deadlines of a stop, one after the other: handlers, cancelling, flushing, closing. */
  const LONGEST_STOP_MS = SHUTDOWN_TIMEOUT_MS + 20_000;

  it('ends in time on connections of which nothing is heard any more, with work in hand', async () => {
    const service = await bench.start({
      topology,
      controllers: [RecordParcels],
      brokerUrl: proxy.through(bench.broker.url),
      shutdownTimeoutMs: SHUTDOWN_TIMEOUT_MS,
    });
    let entered = false;
    let leave = (): void => undefined;
    behaviours.set('stays', () => {
      entered = true;
      return new Promise((resolve) => (leave = resolve));
    });
    await publishRaw(
      bench.broker.url,
      'parcels.events',
      'parcel.moved.v1',
      strangersMessage({ parcelId: 'p-1', step: 1, behaviour: 'stays' }),
    );
    await eventually(() => expect(entered).toBe(true));
    proxy.blackhole();
    await service.dataSource.transaction((tx) =>
      service.outbox.append(tx, ParcelMovedV1, {
        subject: 'p-2',
        sequence: 1,
        data: { parcelId: 'p-2', step: 1 },
      }),
    );
    const stoppedAt = performance.now();
    await service.app.close();
    expect(performance.now() - stoppedAt).toBeLessThan(LONGEST_STOP_MS);
    leave();
  });

  it('rejects its requests at their deadline while nothing is heard, and at once when it is stopped', async () => {
    const service = await bench.start({
      topology,
      controllers: [RecordParcels],
      brokerUrl: proxy.through(bench.broker.url),
    });
    const answering = await administer();
    await answering.assertQueue('scales');
    await answering.bindQueue('scales', 'parcels.commands', 'parcel.weigh.v1');
    const ask = (timeoutMs: number) =>
      service.requests.ask(WeighParcelV1, { parcelId: 'p-1' }, { reply: ParcelWeightV1, timeoutMs });
    await eventually(() => expect(ask(100)).rejects.toThrow(/no answer within 100 ms/));

    proxy.blackhole();
    const askedAt = performance.now();
    await expect(ask(500)).rejects.toThrow('parcel.weigh.v1 is not available: no answer within 500 ms');
    expect(performance.now() - askedAt).toBeLessThan(3_000);
    const waiting = ask(60_000);
    waiting.catch(() => undefined);
    await service.app.close();
    await expect(waiting).rejects.toThrow(/this process is stopping|the channel for answers closed/);
  });
});
