import { connect } from 'amqplib';
import { Client } from 'pg';
import { captureMessages } from './captured-messages.ts';
import { testServers } from './config.ts';
import { eventually } from './eventually.ts';
import { publishRaw } from './publish-raw.ts';
import { createTestBroker } from './test-broker.ts';
import { createTestDatabase } from './test-database.ts';

describe('a test database', () => {
  it('is empty, its own, and dropped even when connections to it are open', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    expect(one.name).not.toBe(other.name);
    await one.query('CREATE TABLE thing (id int)');
    await one.query('INSERT INTO thing VALUES ($1)', [7]);
    expect(await one.query('SELECT id FROM thing')).toEqual([{ id: 7 }]);
    await expect(other.query('SELECT id FROM thing')).rejects.toMatchObject({ code: '42P01' });

    const lingering = new Client({ connectionString: one.url });
    lingering.on('error', () => undefined);
    await lingering.connect();
    await one.close();
    await one.close();
    await expect(one.query('SELECT 1')).rejects.toMatchObject({ code: '3D000' });
    await other.close();
  });

  it('can end the connections of whoever uses it', async () => {
    const database = await createTestDatabase();
    const client = new Client({ connectionString: database.url });
    const ended = new Promise<Error>((resolve) => client.on('error', resolve));
    await client.connect();
    expect(await database.closeConnections()).toBe(1);
    expect(await ended).toMatchObject({ code: '57P01' });
    await database.close();
  });
});

describe('a test broker', () => {
  it('is a virtual host of its own that goes away with whoever is still connected', async () => {
    const broker = await createTestBroker();
    const connection = await connect(broker.url);
    connection.on('error', () => undefined);
    const closed = new Promise((resolve) => connection.once('close', resolve));
    const channel = await connection.createChannel();
    await channel.assertQueue('lingering', { durable: true, arguments: { 'x-queue-type': 'quorum' } });

    await broker.close();
    await closed;
    await broker.close();
    await expect(broker.management.call('GET', `/vhosts/${broker.vhost}`)).rejects.toThrow(/404/);
  });

  it('captures what is published to an exchange, also to one that appears later', async () => {
    const broker = await createTestBroker();
    const capturing = captureMessages(broker.url, 'things.events', 'thing.#');
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    await channel.assertExchange('things.events', 'topic', { durable: true });
    const captured = await capturing;

    await publishRaw(broker.url, 'things.events', 'thing.made.v1', { n: 1 }, { headers: { a: 'b' } });
    await publishRaw(broker.url, 'things.events', 'thing.lost.v1', Buffer.from([0xff, 0xfe]));
    const first = await captured.next();
    expect(first).toMatchObject({
      exchange: 'things.events',
      routingKey: 'thing.made.v1',
      headers: { a: 'b' },
    });
    expect(first.json()).toEqual({ n: 1 });
    expect((await captured.next()).body).toEqual(Buffer.from([0xff, 0xfe]));
    expect(captured.all).toHaveLength(2);
    await expect(captured.next(() => true, 50)).rejects.toThrow(
      'arrived so far: thing.made.v1, thing.lost.v1',
    );

    await captured.close();
    await connection.close();
    await broker.close();
  });

  it('tells a raw publisher that nobody receives its message, unless that is wanted', async () => {
    const broker = await createTestBroker();
    await expect(publishRaw(broker.url, 'amq.topic', 'nobody.listens', {})).rejects.toThrow(
      'no queue receives nobody.listens from amq.topic',
    );
    await publishRaw(broker.url, 'amq.topic', 'nobody.listens', {}, { mandatory: false });
    await expect(publishRaw(broker.url, 'missing', 'x', {})).rejects.toThrow(/no exchange 'missing'/);
    await broker.close();
  });

  it('makes users with few rights, and closes connections as an operator would', async () => {
    const broker = await createTestBroker();
    const url = await broker.createUser({ configure: '^mine', write: '^$', read: '^mine' });
    const connection = await connect(url);
    // amqplib takes a close by an operator for no error.
    const reason = new Promise<Error>((resolve) => connection.once('close', resolve));
    const channel = await connection.createChannel();
    await channel.assertQueue('mine.own', { exclusive: true });
    channel.on('error', () => undefined);
    await expect(channel.assertQueue('other')).rejects.toThrow(/ACCESS_REFUSED/);

    expect(await broker.closeConnections()).toBe(1);
    expect((await reason).message).toContain('CONNECTION_FORCED');
    await broker.close();
  });
});

describe('the addresses of the test servers', () => {
  it('say how to run the tests when they are missing', () => {
    const saved = process.env['WARREN_TEST_DATABASE_URL'];
    try {
      delete process.env['WARREN_TEST_DATABASE_URL'];
      expect(() => testServers()).toThrow(/WARREN_TEST_DATABASE_URL is not set.*npm test/);
      process.env['WARREN_TEST_DATABASE_URL'] = 'http://elsewhere';
      expect(() => testServers()).toThrow(/not a URL of the expected kind/);
    } finally {
      process.env['WARREN_TEST_DATABASE_URL'] = saved;
    }
  });
});

describe('eventually', () => {
  it('returns the first value that comes without an error', async () => {
    let tries = 0;
    const value = await eventually(
      () => {
        tries += 1;
        if (tries < 3) throw new Error('not yet');
        return tries;
      },
      { intervalMs: 1 },
    );
    expect(value).toBe(3);
  });

  it('ends with the last error and says how long it waited', async () => {
    await expect(
      eventually(() => Promise.reject(new Error('never')), { timeoutMs: 20, intervalMs: 5 }),
    ).rejects.toThrow('never\n(still so after 20 ms)');
  });
});
