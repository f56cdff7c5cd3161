import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@warren/testing';
import { cacheDirectory } from '@warren/tools/config.ts';
import { startRabbitMq, type RabbitMq } from '@warren/tools/infrastructure/rabbitmq.ts';
import { distinct } from '@warren/tools/clients/mail-inbox.ts';
import { SystemUnderTest } from './system-under-test.ts';

const PATIENCE = { timeoutMs: 90_000, intervalMs: 100 };

/** A broker of its own, because this test stops it. */
let directory: string;
let broker: RabbitMq;
let sut: SystemUnderTest;
const startBroker = () => startRabbitMq({ directory, cacheDirectory: cacheDirectory() });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'warren-broker-'));
  broker = await startBroker();
  sut = await SystemUnderTest.start({ amqpUrl: broker.amqpUrl, managementUrl: broker.managementUrl });
}, 180_000);
afterAll(async () => {
  await sut?.stop();
  await broker?.stop();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

describe('while the broker is away', () => {
  it.each([
    ['stopped', () => broker.stop()],
    [
      'killed',
      async () => {
        broker.kill('SIGKILL');
        await broker.exited;
      },
    ],
  ])(
    '(%s) sign-ups, orders and uploads are accepted, and all arrive after it is back',
    async (_how, takeAway) => {
      await takeAway();
      const customer = await sut.api.newCustomer();
      const orders: string[] = [];
      for (let n = 0; n < 20; n += 1)
        orders.push(await customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity: 1 }]));
      const file = await customer.upload('table.csv', Buffer.from('a,b\n1,2\n'));
      expect((await customer.order(orders[0]!)).status).toBe('accepted');
      const ready = await sut.api.call('GET', '/health/ready');
      expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining('degraded')]);
      const products = await sut.api.call('GET', '/v1/products', { headers: customer.headers });
      expect([products.status, products.headers.get('content-type')]).toEqual([
        503,
        expect.stringContaining('application/problem+json'),
      ]);
      await products.body?.cancel();

      broker = await startBroker();
      await eventually(async () => {
        const states = await Promise.all(orders.map((id) => customer.order(id)));
        expect(states.filter(({ status }) => status !== 'confirmed')).toEqual([]);
      }, PATIENCE);
      await eventually(async () => expect((await customer.file(file)).status).toBe('processed'), PATIENCE);
      await eventually(async () => {
        const mails = distinct(await sut.inbox.to(customer.email));
        expect(mails).toHaveLength(1 + orders.length + 1);
      }, PATIENCE);
    },
    240_000,
  );
});
