import { captureMessages, createTcpProxy, eventually, type CapturedMessages } from '@warren/testing';
import { connect, type Channel } from 'amqplib';
import { newMessage } from '../outbox/outbox.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1, SendParcelV1 } from './parcel-contracts.ts';
import { TestBench, type TestService } from './test-service.ts';

const topology = defineTopology({
  service: 'parcel-service',
  exchanges: ['parcels.events'],
  publishes: [ParcelMovedV1, SendParcelV1],
});

const bench = new TestBench();
beforeEach(() => bench.open());
afterEach(() => bench.close());

const event = (parcelId: string, step: number) =>
  newMessage(ParcelMovedV1, { subject: parcelId, sequence: step, data: { parcelId, step } });
const command = (parcelId: string) =>
  newMessage(SendParcelV1, { subject: parcelId, sequence: 1, data: { parcelId } });

function append(service: TestService, ...messages: ReturnType<typeof newMessage>[]): Promise<string[]> {
  return service.dataSource.transaction((tx) => service.outbox.appendAll(tx, messages));
}

const capture = async (exchange = 'parcels.events'): Promise<CapturedMessages> =>
  bench.use(await captureMessages(bench.broker.url, exchange, '#'));

const parcelsOf = (messages: CapturedMessages): string[] =>
  messages.all.map((message) => message.json<{ data: { parcelId: string } }>().data.parcelId);

/** As an operator: on a channel that is closed with the bench. */
async function administer(): Promise<Channel> {
  const connection = bench.use(await connect(bench.broker.url));
  return connection.createChannel();
}

/** Rows that were refused, by one statement; what stands in them can't be published. */
async function keepRows(service: TestService, count: number, dueIn: string): Promise<void> {
  await service.dataSource.query(
    `INSERT INTO outbox (id, aggregate, exchange, routing_key, must_be_routed, body, headers, held_until)
     SELECT gen_random_uuid(), 'parcel:' || gen_random_uuid(), 'parcels.commands', 'parcel.send.v1', true,
            '{}', '{}', now() + $2::interval
     FROM generate_series(1, $1::int)`,
    [count, dueIn],
  );
}

describe('a relay under trouble', () => {
  it('relays everything else while one queue refuses each of its messages', async () => {
    const service = await bench.start({ topology });
    const events = await capture();
    const channel = await administer();
    await channel.assertExchange('parcels.commands', 'topic', { durable: true });
    await channel.assertQueue('full', { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } });
    await channel.bindQueue('full', 'parcels.commands', '#');
    const refused = Array.from({ length: 600 }, (_, n) => `refused-${n}`);
    await append(service, ...refused.flatMap((parcelId) => [command(parcelId), event(parcelId, 2)]));
    const others = Array.from({ length: 300 }, (_, n) => `other-${n}`);
    await append(service, ...others.map((parcelId) => event(parcelId, 1)));
    await eventually(() => expect(new Set(parcelsOf(events))).toEqual(new Set(others)));
    await eventually(async () => expect((await service.outbox.status()).rows).toBe(1_200));

    const commands = await capture('parcels.commands');
    await channel.deleteQueue('full');
    await eventually(() => expect(new Set(parcelsOf(commands))).toEqual(new Set(refused)), {
      timeoutMs: 40_000,
    });
    await eventually(() => expect(new Set(parcelsOf(events))).toEqual(new Set([...others, ...refused])), {
      timeoutMs: 40_000,
    });
  });

  it('keeps the order of an aggregate also across an exchange that is left alone', async () => {
    const service = await bench.start({ topology });
    const events = await capture();
    await append(service, command('first'), event('first', 2));
    // The exchange of the commands is found missing by the first; the second is never tried.
    await append(service, event('free-1', 1));
    await eventually(() => expect(parcelsOf(events)).toContain('free-1'));
    await append(service, command('second'), event('second', 2), event('free-2', 1));
    await eventually(() => expect(parcelsOf(events)).toContain('free-2'));
    await append(service, event('free-3', 1));
    await eventually(() => expect(parcelsOf(events)).toContain('free-3'));
    expect(parcelsOf(events)).toEqual(['free-1', 'free-2', 'free-3']);

    const channel = await administer();
    await channel.assertExchange('parcels.commands', 'topic', { durable: true });
    const commands = await capture('parcels.commands');
    await eventually(() => expect(parcelsOf(commands)).toEqual(['first', 'second']));
    await eventually(() =>
      expect(parcelsOf(events)).toEqual(['free-1', 'free-2', 'free-3', 'first', 'second']),
    );
  });

  it('relays what is new at once beside ten thousands of kept rows, due and not due', async () => {
    const before = await bench.start({ topology });
    const events = await capture();
    await keepRows(before, 20_000, '-1 minute');
    await keepRows(before, 20_000, '1 hour');
    await before.stop();
    // A relay that has just begun does not know whether there are kept rows, and looks.
    const service = await bench.start({ topology });
    await append(service, event('first', 1));
    await events.next();
    // It did not wait for the turn of those before it.
    const [tried] = await service.dataSource.query('SELECT sum(failures)::int AS times FROM outbox');
    expect(tried.times).toBeLessThan(2_000);
    for (let n = 0; n < 20; n += 1) {
      await append(service, event(`fresh-${n}`, 1));
      await events.next((message) => message.json<{ subject: string }>().subject === `fresh-${n}`, 5_000);
    }
    expect(parcelsOf(events)).toHaveLength(21);
  });

  it('hands over when its host is cut off without a word, and does not relay beside its successor', async () => {
    const address = new URL(bench.database.url);
    const proxy = bench.use(await createTcpProxy(address.hostname, Number(address.port)));
    const leader = await bench.start({ topology, databaseUrl: proxy.through(bench.database.url) });
    await eventually(() => expect(leader.status.relay().active).toBe(true));
    const successor = await bench.start({ topology });
    const events = await capture();
    await append(successor, event('before', 1));
    await events.next();
    // Cut off before its delete, it would leave the row to its successor, who may publish it again.
    await eventually(async () => expect((await successor.outbox.status()).rows).toBe(0));

    proxy.blackhole();
    const cutOffAt = performance.now();
    await append(successor, event('after', 1));
    await events.next(undefined, 25_000);
    expect(performance.now() - cutOffAt).toBeLessThan(25_000);
    expect(successor.status.relay().active).toBe(true);

    await proxy.restore();
    await eventually(() => expect(leader.status.relay().active).toBe(false));
    const later = Array.from({ length: 200 }, (_, n) => `later-${n}`);
    await append(successor, ...later.map((parcelId) => event(parcelId, 1)));
    await eventually(async () => expect((await successor.outbox.status()).rows).toBe(0));
    await eventually(() => expect(parcelsOf(events)).toHaveLength(202));
    expect(leader.status.relay().active).toBe(false);
    expect(new Set(parcelsOf(events))).toEqual(new Set(['before', 'after', ...later]));
  });
});
