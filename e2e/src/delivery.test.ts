import {
  contractOf,
  formatSequence,
  OrderConfirmedV1,
  PlaceOrderV1,
  UserRegisteredV1,
} from '@warren/contracts';
import { eventually, publishRaw } from '@warren/testing';
import { connect } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { SystemUnderTest } from './system-under-test.ts';

let sut: SystemUnderTest;
beforeAll(async () => {
  sut = await SystemUnderTest.start();
}, 120_000);
afterAll(() => sut.stop());

/** What a publisher would put on the wire. */
function envelope(type: string, subject: string, data: object) {
  const id = uuidv7();
  return {
    specversion: '1.0',
    id,
    source: '/test',
    type,
    subject,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    sequence: formatSequence(1),
    correlationid: id,
    data,
  };
}

const publish = (exchange: string, type: string, body: object | string) =>
  publishRaw(sut.system.endpoints.amqpAdmin, exchange, type, body);

async function stockOf(sku: string): Promise<number> {
  const [row] = await sut.sql<{ available: number }>(
    'SELECT available FROM order_service.stock WHERE sku = $1',
    [sku],
  );
  return row!.available;
}

describe('delivery through the whole system', () => {
  it('a command that is sent five times has one effect', async () => {
    const before = await stockOf('SKU-TEAPOT');
    const orderId = uuidv7();
    const command = envelope('order.place.v1', orderId, {
      orderId,
      customerId: uuidv7(),
      lines: [{ sku: 'SKU-TEAPOT', quantity: 2 }],
      acceptedAt: new Date().toISOString(),
    } satisfies PlaceOrderV1);
    for (let n = 0; n < 5; n += 1) await publish('orders.commands', 'order.place.v1', command);
    const customer = await sut.api.newCustomer();
    const later = await customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity: 1 }]);
    await eventually(async () => expect((await customer.order(later)).status).toBe('confirmed'));
    await eventually(async () => {
      const rows = await sut.sql('SELECT status FROM order_service.orders WHERE id = $1', [orderId]);
      expect(rows).toEqual([{ status: 'confirmed' }]);
    });
    expect(await stockOf('SKU-TEAPOT')).toBe(before - 3);
  });

  it('a handler that fails is tried again until it can: the mail of an order waits for the address of its customer', async () => {
    const userId = uuidv7();
    const orderId = uuidv7();
    const email = `${userId}@example.com`;
    const { example } = contractOf(OrderConfirmedV1);
    await publish(
      'orders.events',
      'order.confirmed.v1',
      envelope('order.confirmed.v1', orderId, { ...example, orderId, customerId: userId }),
    );
    await eventually(() => expect(sut.log.join('\n')).toMatch(/email-service.*waits \d+ ms/));
    await publish(
      'users.events',
      'user.registered.v1',
      envelope('user.registered.v1', userId, {
        userId,
        email,
        displayName: 'Late Lovelace',
        registeredAt: new Date().toISOString(),
      } satisfies UserRegisteredV1),
    );
    await eventually(
      async () =>
        expect((await sut.inbox.to(email)).filter(({ text }) => text?.includes(orderId))).toHaveLength(1),
      { timeoutMs: 40_000 },
    );
  });

  it('a poisonous message ends in the dead-letter queue with its reason, and the consumer lives on', async () => {
    await publish('orders.commands', 'order.place.v1', 'not json at all');
    await publish(
      'orders.commands',
      'order.place.v1',
      envelope('order.place.v1', uuidv7(), { lines: 'none' }),
    );
    const connection = await connect(sut.system.endpoints.amqpAdmin);
    const channel = await connection.createChannel();
    const reasons: unknown[] = [];
    await eventually(async () => {
      const dead = await channel.get('order-service.commands.dead', { noAck: true });
      if (dead) reasons.push(dead.properties.headers!['x-warren-reason']);
      expect([...reasons].sort()).toEqual(['invalid', 'malformed']);
    });
    await connection.close();
    const customer = await sut.api.newCustomer();
    const id = await customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity: 1 }]);
    await eventually(async () => expect((await customer.order(id)).status).toBe('confirmed'));
  });

  it('an outsider subscribes to the documented exchange with a queue of its own, and sees each event whole', async () => {
    const connection = await connect(sut.system.endpoints.amqp);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'orders.events', 'order.*.v1');
    const seen: { type: string; subject: string; sequence: string }[] = [];
    await channel.consume(queue, (message) => message && seen.push(JSON.parse(message.content.toString())), {
      noAck: true,
    });
    const customer = await sut.api.newCustomer();
    const id = await customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity: 1 }]);
    await eventually(() => {
      const own = seen.filter(({ subject }) => subject === id);
      expect(own.map(({ type, sequence }) => `${type} ${sequence}`)).toEqual([
        'order.placed.v1 0000000001',
        'order.payment-requested.v1 0000000002',
        'order.confirmed.v1 0000000003',
      ]);
    });
    await connection.close();
  });
});
