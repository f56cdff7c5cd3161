import { captureMessages, createTcpProxy, eventually, type CapturedMessages } from '@warren/testing';
import { connect } from 'amqplib';
import { NotInTransaction, MiswiredService } from '../errors.ts';
import { runInFlow } from '../flow.ts';
import { newMessage } from '../outbox/outbox.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1, SendParcelV1 } from './parcel-contracts.ts';
import { TestBench, type TestService } from './test-service.ts';

const publisher = defineTopology({
  service: 'parcel-service',
  exchanges: ['parcels.events'],
  publishes: [ParcelMovedV1, SendParcelV1],
});

const bench = new TestBench();
beforeEach(() => bench.open());
afterEach(() => bench.close());

function move(service: TestService, parcelId: string, step: number): Promise<string> {
  return service.dataSource.transaction((tx) =>
    service.outbox.append(tx, ParcelMovedV1, { subject: parcelId, sequence: step, data: { parcelId, step } }),
  );
}

async function capture(): Promise<CapturedMessages> {
  return bench.use(await captureMessages(bench.broker.url, 'parcels.events', '#'));
}

async function steps(messages: CapturedMessages, count: number): Promise<number[]> {
  await eventually(() => expect(messages.all.length).toBeGreaterThanOrEqual(count));
  return messages.all.map((message) => message.json<{ data: ParcelMovedV1 }>().data.step);
}

describe('outbox', () => {
  it('publishes what a transaction appended, after its commit, as a CloudEvent with the AMQP properties filled', async () => {
    const service = await bench.start({ topology: publisher });
    const messages = await capture();
    const id = await runInFlow({ correlationId: 'flow-1', causationId: 'cause-1' }, () =>
      move(service, 'p-1', 1),
    );
    const message = await messages.next();
    expect(message.json()).toEqual({
      specversion: '1.0',
      id,
      source: '/warren/parcel-service',
      type: 'parcel.moved.v1',
      subject: 'p-1',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      datacontenttype: 'application/json',
      dataschema: 'http://schemas.example/parcel.moved.v1.json',
      sequence: '0000000001',
      correlationid: 'flow-1',
      causationid: 'cause-1',
      data: { parcelId: 'p-1', step: 1 },
    });
    expect(message.routingKey).toBe('parcel.moved.v1');
    expect(message.properties).toMatchObject({
      contentType: 'application/cloudevents+json; charset=utf-8',
      messageId: id,
      type: 'parcel.moved.v1',
      appId: 'parcel-service',
      correlationId: 'flow-1',
      deliveryMode: 2,
      timestamp: expect.any(Number),
    });
    await eventually(async () => expect((await service.outbox.status()).rows).toBe(0));
  });

  it('publishes nothing of a transaction that was rolled back', async () => {
    const service = await bench.start({ topology: publisher });
    const messages = await capture();
    const failing = service.dataSource.transaction(async (tx) => {
      await service.outbox.append(tx, ParcelMovedV1, {
        subject: 'p-1',
        sequence: 1,
        data: { parcelId: 'p-1', step: 1 },
      });
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await move(service, 'p-2', 2);
    expect(await steps(messages, 1)).toEqual([2]);
  });

  it('refuses a manager that is not in a transaction, a contract that is not in the topology, and data that is not allowed', async () => {
    const service = await bench.start({ topology: publisher });
    const event = { subject: 'p-1', sequence: 1, data: { parcelId: 'p-1', step: 1 } };
    await expect(service.outbox.append(service.dataSource.manager, ParcelMovedV1, event)).rejects.toThrow(
      NotInTransaction,
    );
    const silent = await bench.start({ topology: defineTopology({ service: 'silent-service' }) });
    await expect(
      silent.dataSource.transaction((tx) => silent.outbox.append(tx, ParcelMovedV1, event)),
    ).rejects.toThrow(MiswiredService);
    await expect(move(service, 'p-1', -1)).rejects.toThrow(/\/step/);
    expect((await service.outbox.status()).rows).toBe(0);
  });

  it('publishes the events of one aggregate in the order of their numbers', async () => {
    const service = await bench.start({ topology: publisher });
    const messages = await capture();
    await service.dataSource.transaction(async (tx) => {
      const eventOf = (step: number) => {
        const parcelId = `p-${step % 3}`;
        return { subject: parcelId, sequence: step, data: { parcelId, step } };
      };
      for (let step = 0; step < 50; step += 1) await service.outbox.append(tx, ParcelMovedV1, eventOf(step));
      const rest = Array.from({ length: 150 }, (_, n) => newMessage(ParcelMovedV1, eventOf(50 + n)));
      expect(await service.outbox.appendAll(tx, rest)).toHaveLength(150);
    });
    const all = await steps(messages, 200);
    for (const remainder of [0, 1, 2]) {
      const own = all.filter((step) => step % 3 === remainder);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  });

  it('keeps messages while the broker is away, across a restart of the service, and publishes them when it is back', async () => {
    const proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.broker.url).port)));
    const service = await bench.start({ topology: publisher, brokerUrl: proxy.through(bench.broker.url) });
    const messages = await capture();
    await move(service, 'p-1', 1);
    expect(await steps(messages, 1)).toEqual([1]);
    await proxy.refuse();
    for (const step of [2, 3, 4]) await move(service, 'p-1', step);
    await service.stop();
    const restarted = await bench.start({ topology: publisher, brokerUrl: proxy.through(bench.broker.url) });
    expect(await restarted.outbox.status()).toMatchObject({ rows: 3, oldestAgeSeconds: expect.any(Number) });
    await proxy.restore();
    expect(await steps(messages, 4)).toEqual([1, 2, 3, 4]);
  });

  it('sends again what was not confirmed when the connection was cut', async () => {
    const proxy = bench.use(await createTcpProxy('127.0.0.1', Number(new URL(bench.broker.url).port)));
    const service = await bench.start({ topology: publisher, brokerUrl: proxy.through(bench.broker.url) });
    const messages = await capture();
    for (let round = 0; round < 5; round += 1) {
      await service.dataSource.transaction(async (tx) => {
        for (let n = 0; n < 100; n += 1) {
          const step = round * 100 + n;
          const data = { parcelId: `p-${step}`, step };
          await service.outbox.append(tx, ParcelMovedV1, { subject: data.parcelId, sequence: 1, data });
        }
      });
      proxy.cut();
    }
    await eventually(async () => expect((await service.outbox.status()).rows).toBe(0));
    const received = new Set(await steps(messages, 500));
    expect(received.size).toBe(500);
  });

  it('holds a command back that no queue receives, with the reason, and nobody else', async () => {
    const service = await bench.start({ topology: publisher });
    const messages = await capture();
    const admin = await connect(bench.broker.url);
    const channel = await admin.createChannel();
    await channel.assertExchange('parcels.commands', 'topic', { durable: true });
    await service.dataSource.transaction((tx) =>
      service.outbox.append(tx, SendParcelV1, { subject: 'p-1', sequence: 1, data: { parcelId: 'p-1' } }),
    );
    await eventually(async () => {
      const [row] = await service.dataSource.query('SELECT last_error FROM outbox');
      expect(row?.last_error).toMatch(/no queue receives parcel\.send\.v1 from parcels\.commands/);
    });
    await move(service, 'p-1', 2);
    await move(service, 'p-2', 3);
    expect(await steps(messages, 1)).toEqual([3]);
    const commands = bench.use(await captureMessages(bench.broker.url, 'parcels.commands', '#'));
    expect((await commands.next()).json()).toMatchObject({ data: { parcelId: 'p-1' } });
    expect(await steps(messages, 2)).toEqual([3, 2]);
    await admin.close();
  });

  it('waits for an exchange that is not there yet, without disturbing the others', async () => {
    const service = await bench.start({ topology: publisher });
    const messages = await capture();
    await service.dataSource.transaction((tx) =>
      service.outbox.append(tx, SendParcelV1, { subject: 'p-9', sequence: 1, data: { parcelId: 'p-9' } }),
    );
    await move(service, 'p-1', 1);
    expect(await steps(messages, 1)).toEqual([1]);
    const admin = await connect(bench.broker.url);
    const channel = await admin.createChannel();
    await channel.assertExchange('parcels.commands', 'topic', { durable: true });
    const commands = bench.use(await captureMessages(bench.broker.url, 'parcels.commands', '#'));
    expect((await commands.next()).json()).toMatchObject({ data: { parcelId: 'p-9' } });
    await admin.close();
  });

  it('is done with an event that nobody subscribes to', async () => {
    const service = await bench.start({ topology: publisher });
    await move(service, 'p-1', 1);
    await eventually(async () => expect((await service.outbox.status()).rows).toBe(0));
  });

  it('is relayed by one replica at a time, and by the other when that one is gone', async () => {
    const first = await bench.start({ topology: publisher });
    await eventually(() => expect(first.status.relay().active).toBe(true));
    const second = await bench.start({ topology: publisher });
    const messages = await capture();
    await move(second, 'p-1', 1);
    expect(await steps(messages, 1)).toEqual([1]);
    expect(second.status.relay().active).toBe(false);
    await first.stop();
    await move(second, 'p-1', 2);
    expect(await steps(messages, 2)).toEqual([1, 2]);
    expect(second.status.relay().active).toBe(true);
  });

  it('goes on relaying after its database connection was ended', async () => {
    const service = await bench.start({ topology: publisher });
    const messages = await capture();
    await move(service, 'p-1', 1);
    expect(await steps(messages, 1)).toEqual([1]);
    await bench.database.closeConnections();
    await eventually(() => move(service, 'p-1', 2));
    expect(await steps(messages, 2)).toEqual([1, 2]);
  });
});
