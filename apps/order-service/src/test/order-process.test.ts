import type { PlaceOrderV1 } from '@warren/contracts';
import { eventually } from '@warren/testing';
import { OrderServiceRig } from './order-service-rig.ts';

const PLACED = 'order.placed.v1';
const REQUESTED = 'order.payment-requested.v1';
const CONFIRMED = 'order.confirmed.v1';
const CANCELLED = 'order.cancelled.v1';
const REFUSED = 'order.cancellation-refused.v1';
const REFUNDED = 'order.payment-refunded.v1';

describe('the process of an order', () => {
  let rig: OrderServiceRig;

  beforeAll(async () => {
    rig = await OrderServiceRig.start();
  });

  afterAll(() => rig.stop());

  async function order(paymentToken?: string, pieces = 2): Promise<PlaceOrderV1 & { sku: string }> {
    const sku = await rig.product(10);
    const command = rig.command([{ sku, quantity: pieces }], paymentToken);
    await rig.send(command);
    return { ...command, sku };
  }

  const typesOf = (orderId: string) => rig.eventsOf(orderId).map(({ type }) => type);
  const versionsOf = (orderId: string) => rig.eventsOf(orderId).map(({ sequence }) => Number(sequence));
  const lastOf = (orderId: string) => rig.eventsOf(orderId).at(-1)!;

  it('cancels an order whose payment is declined, and gives its stock back', async () => {
    const { orderId, customerId, sku } = await order('tok_declined');
    expect(await rig.heard(orderId, CANCELLED)).toEqual([PLACED, REQUESTED, CANCELLED]);
    expect(lastOf(orderId).data).toMatchObject({
      orderId,
      customerId,
      lines: [{ sku, quantity: 2, name: `Name of ${sku}`, unitPrice: { amount: 1000, currency: 'EUR' } }],
      total: { amount: 2000, currency: 'EUR' },
      reason: 'payment-declined',
    });
    expect(await rig.available(sku)).toBe(10);
  });

  it('cancels an order whose means of payment the provider will not take', async () => {
    const { orderId, sku } = await order('tok_unusable');
    expect(await rig.heard(orderId, CANCELLED)).toEqual([PLACED, CANCELLED]);
    expect(lastOf(orderId).data['reason']).toBe('payment-declined');
    expect(await rig.available(sku)).toBe(10);
  });

  it('confirms an order that costs nothing without asking for a payment', async () => {
    const sku = await rig.product(1, 0);
    const command = rig.command([{ sku, quantity: 1 }], 'tok_ok');
    await rig.send(command);
    expect(await rig.heard(command.orderId, CONFIRMED)).toEqual([PLACED, CONFIRMED]);
    expect(lastOf(command.orderId).data).not.toHaveProperty('paymentId');
    expect(rig.provider.payments.has(command.orderId)).toBe(false);
  });

  it('cancels for its customer while the payment is awaited, and refunds what is paid all the same, once', async () => {
    const { orderId, customerId, sku } = await order('tok_later');
    await rig.heard(orderId, REQUESTED);
    await rig.cancel({ orderId, customerId });
    await rig.heard(orderId, CANCELLED);
    expect(lastOf(orderId).data['reason']).toBe('customer');
    expect(await rig.available(sku)).toBe(10);

    await rig.decide(orderId, 'approved');
    expect(await rig.heard(orderId, REFUNDED)).toEqual([PLACED, REQUESTED, CANCELLED, REFUNDED]);
    expect(versionsOf(orderId)).toEqual([1, 2, 3, 4]);
    expect(lastOf(orderId).data).toMatchObject({
      paymentId: rig.provider.payments.get(orderId)!.id,
      amount: { amount: 2000, currency: 'EUR' },
    });
    await rig.until(2, 'done', () => repeated(() => rig.decide(orderId, 'approved')), 'payment-results');
    const refunds = [...rig.provider.refunds.values()].filter(({ key }) => key.startsWith(orderId));
    expect(refunds).toEqual([
      {
        key: `${orderId}-refund`,
        paymentId: rig.provider.payments.get(orderId)!.id,
        amount: { amount: 2000, currency: 'EUR' },
      },
    ]);
    expect(versionsOf(orderId)).toEqual([1, 2, 3, 4]);
  });

  it('refuses a cancellation after the confirmation, and says so once', async () => {
    const { orderId, customerId, sku } = await order();
    await rig.heard(orderId, CONFIRMED);
    await rig.cancel({ orderId, customerId });
    await rig.heard(orderId, REFUSED);
    expect(lastOf(orderId).data).toMatchObject({ orderId, customerId, reason: 'already-confirmed' });
    await rig.until(1, 'done', () => rig.cancel({ orderId, customerId }));
    expect(typesOf(orderId)).toEqual([PLACED, REQUESTED, CONFIRMED, REFUSED]);
    expect(versionsOf(orderId)).toEqual([1, 2, 3, 4]);
    expect(await rig.available(sku)).toBe(8);
  });

  it('does nothing when what was rejected or cancelled is to be cancelled', async () => {
    const rejected = await order('tok_ok', 11);
    await rig.heard(rejected.orderId, 'order.rejected.v1');
    const cancelled = await order('tok_declined');
    await rig.heard(cancelled.orderId, CANCELLED);
    await rig.until(2, 'done', () => rig.cancel(rejected, cancelled));
    expect(typesOf(rejected.orderId)).toEqual(['order.rejected.v1']);
    expect(typesOf(cancelled.orderId)).toEqual([PLACED, REQUESTED, CANCELLED]);
    expect(await rig.available(cancelled.sku)).toBe(10);
  });

  it('cancels an order whose cancellation came first, as soon as it comes', async () => {
    const sku = await rig.product(10);
    const command = rig.command([{ sku, quantity: 3 }], 'tok_ok');
    await rig.until(2, 'done', () => repeated(() => rig.cancel(command)));
    await rig.send(command);
    expect(await rig.heard(command.orderId, CANCELLED)).toEqual([PLACED, CANCELLED]);
    expect(lastOf(command.orderId).data['reason']).toBe('customer');
    expect(await rig.available(sku)).toBe(10);
    await expect(
      rig.database.query('SELECT status FROM order_service.orders WHERE id = $1', [command.orderId]),
    ).resolves.toEqual([{ status: 'cancelled' }]);
  });

  it('does not cancel what a stranger wanted to cancel before it came', async () => {
    const command = rig.command([{ sku: await rig.product(1), quantity: 1 }], 'tok_later');
    await rig.until(1, 'done', () => rig.cancel({ ...command, customerId: rig.command([]).customerId }));
    await rig.send(command);
    expect(await rig.heard(command.orderId, REQUESTED)).toEqual([PLACED, REQUESTED]);
    expect(rig.provider.payments.get(command.orderId)!.token).toBe('tok_later');
  });

  it('puts a cancellation aside that is not by the customer of the order', async () => {
    const { orderId } = await order();
    await rig.heard(orderId, CONFIRMED);
    await rig.cancel({ orderId, customerId: rig.command([]).customerId });
    expect(JSON.stringify((await rig.deadLetters.next()).headers)).toMatch(/is not one of customer/);
    expect(typesOf(orderId)).toEqual([PLACED, REQUESTED, CONFIRMED]);
  });

  it('brings orders and cancellations that race to the same end, with every piece back and no deadlock', async () => {
    const skus = await Promise.all(Array.from({ length: 3 }, () => rig.product(1_000)));
    const commands = Array.from({ length: 150 }, (_, i) =>
      rig.command(
        (i % 2 ? skus : skus.toReversed()).map((sku) => ({ sku, quantity: 1 })),
        'tok_later',
      ),
    );
    await Promise.all(
      commands.flatMap((command, i) => {
        const both = [() => rig.send(command), () => rig.cancel(command)];
        return (i % 3 ? both : both.toReversed()).map((act) => act());
      }),
    );
    const ends = await rig.ended(commands.map(({ orderId }) => orderId));
    for (const events of ends) {
      expect(events.at(-1)).toMatchObject({ type: CANCELLED, data: { reason: 'customer' } });
      expect(events.map(({ sequence }) => Number(sequence))).toEqual(events.map((_, i) => i + 1));
    }
    expect(await Promise.all(skus.map((sku) => rig.available(sku)))).toEqual([1_000, 1_000, 1_000]);
    expect(await deadlocks()).toBe(0);
  });

  it('goes on when the decision comes before the answer to the request, and asks once', async () => {
    const release = rig.provider.hold();
    const { orderId } = await order('tok_later');
    await eventually(() => expect(rig.provider.payments.has(orderId)).toBe(true));
    await rig.decide(orderId, 'approved');
    expect(await rig.heard(orderId, CONFIRMED)).toEqual([PLACED, REQUESTED, CONFIRMED]);
    await rig.until(1, 'done', async () => release(), 'payments');
    expect(versionsOf(orderId)).toEqual([1, 2, 3]);
  });

  it('cancels while the request is on its way, and refunds when it is approved after all', async () => {
    const release = rig.provider.hold();
    const { orderId, customerId, sku } = await order('tok_ok');
    await eventually(() => expect(rig.provider.payments.has(orderId)).toBe(true));
    await rig.cancel({ orderId, customerId });
    await rig.heard(orderId, CANCELLED);
    release();
    expect(await rig.heard(orderId, REFUNDED)).toEqual([PLACED, CANCELLED, REFUNDED]);
    expect(await rig.available(sku)).toBe(10);
  });

  it('has one effect when the provider tells its decision again', async () => {
    const { orderId } = await order();
    await rig.heard(orderId, CONFIRMED);
    await rig.until(2, 'done', () => repeated(() => rig.decide(orderId, 'approved')), 'payment-results');
    expect(typesOf(orderId)).toEqual([PLACED, REQUESTED, CONFIRMED]);
  });

  it.each([
    ['is of another amount', { amount: { amount: 1, currency: 'EUR' } }, /is of 1 EUR/],
    ['is another payment', { paymentId: 'pay_of-somebody' }, /pay_of-somebody was approved/],
  ])('puts a decision aside that %s, and leaves the order as it is', async (_what, different, reason) => {
    const { orderId } = await order('tok_later');
    await rig.heard(orderId, REQUESTED);
    await rig.decide(orderId, 'approved', different);
    const dead = await rig.deadLetters.next();
    expect(dead.routingKey).toBe('order-service.payment-results');
    expect(JSON.stringify(dead.headers)).toMatch(reason);
    expect(typesOf(orderId)).toEqual([PLACED, REQUESTED]);
    await rig.decide(orderId, 'approved');
    await rig.heard(orderId, CONFIRMED);
  });

  it('waits with a decision for an order that is not here yet', async () => {
    const sku = await rig.product(1);
    const command = rig.command([{ sku, quantity: 1 }], 'tok_later');
    await rig.decide(command.orderId, 'approved', { amount: { amount: 1000, currency: 'EUR' } });
    await rig.send(command);
    expect(await rig.heard(command.orderId, CONFIRMED)).toContain(REQUESTED);
  });

  it('places orders while the provider is away, and asks when it is back', async () => {
    rig.provider.fail(Infinity);
    const orders = [await order(), await order()];
    for (const { orderId } of orders) await rig.heard(orderId, PLACED);
    const asked = rig.provider.requests;
    await eventually(() => expect(rig.provider.requests).toBeGreaterThan(asked + 2));
    rig.provider.fail(0);
    for (const { orderId } of orders) await rig.heard(orderId, CONFIRMED);
    expect(rig.deadLetters.all.filter(({ routingKey }) => routingKey === 'order-service.payments')).toEqual(
      [],
    );
  });

  it('asks for payments while refunds are not to be had, and refunds when they are', async () => {
    rig.provider.refundsFail = true;
    const owed = await Promise.all(Array.from({ length: 6 }, () => order('tok_later')));
    for (const { orderId, customerId } of owed) {
      await rig.heard(orderId, REQUESTED);
      await rig.cancel({ orderId, customerId });
      await rig.heard(orderId, CANCELLED);
      await rig.decide(orderId, 'approved');
    }
    const tried = rig.provider.requests;
    await eventually(() => expect(rig.provider.requests).toBeGreaterThan(tried + 4));
    const paid = await Promise.all(Array.from({ length: 6 }, () => order()));
    for (const { orderId } of paid) await rig.heard(orderId, CONFIRMED);
    expect(rig.provider.refunds.has(`${owed[0]!.orderId}-refund`)).toBe(false);
    rig.provider.refundsFail = false;
    for (const { orderId } of owed) await rig.heard(orderId, REFUNDED);
  });

  it('does not let a repeated order and its cancellation wait for each other', async () => {
    const sku = await rig.product(1_000);
    const commands = Array.from({ length: 40 }, () => rig.command([{ sku, quantity: 1 }], 'tok_later'));
    await rig.send(...commands);
    for (const { orderId } of commands) await rig.heard(orderId, REQUESTED);
    await Promise.all(
      commands.flatMap((command) => [rig.cancel(command), rig.send(command), rig.send(command)]),
    );
    for (const { orderId } of commands) await rig.heard(orderId, CANCELLED);
    expect(await rig.available(sku)).toBe(1_000);
    expect(await deadlocks()).toBe(0);
  });

  it('forgets the payment token when the payment was asked for, and shows it nowhere', async () => {
    const token = 'tok_later_secret_4f1c6c1e';
    rig.provider.fail(Infinity);
    const { orderId, customerId } = await order(token);
    await rig.heard(orderId, PLACED);
    expect(await rowsWith(token)).toEqual(['payment_tokens']);
    rig.provider.fail(0);
    await rig.heard(orderId, REQUESTED);
    expect(rig.provider.payments.get(orderId)!.token).toBe(token);
    expect(await rowsWith(token)).toEqual([]);
    await rig.cancel({ orderId, customerId });
    await rig.heard(orderId, CANCELLED);
    expect(rig.events.all.filter(({ body }) => body.includes(token))).toEqual([]);
  });

  it('forgets the payment token of an order that is cancelled before its payment was asked for', async () => {
    const token = 'tok_later_secret_6a394b7c';
    rig.provider.fail(Infinity);
    const { orderId, customerId } = await order(token);
    await rig.heard(orderId, PLACED);
    await rig.cancel({ orderId, customerId });
    await rig.heard(orderId, CANCELLED);
    expect(await rowsWith(token)).toEqual([]);
    await rig.until(1, 'done', async () => rig.provider.fail(0), 'payments');
    expect(typesOf(orderId)).toEqual([PLACED, CANCELLED]);
  });

  async function deadlocks(): Promise<number> {
    const [row] = await rig.database.query<{ deadlocks: number }>(
      'SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()',
    );
    return row!.deadlocks;
  }

  /** Tables of the service in which a row shows this text. */
  async function rowsWith(text: string): Promise<string[]> {
    const tables = await rig.database.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'order_service'::regnamespace AND relkind IN ('r', 'p')`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const rows = await rig.database.query(
        `SELECT 1 FROM order_service."${name}" AS t WHERE t::text LIKE '%' || $1 || '%' LIMIT 1`,
        [text],
      );
      if (rows.length > 0) found.push(name);
    }
    return found;
  }
});

describe('the deadline of a step', () => {
  let rig: OrderServiceRig;

  beforeAll(async () => {
    rig = await OrderServiceRig.start({ WARREN_PAYMENT_DEADLINE: '2s' });
  });

  afterAll(() => rig.stop());

  it('cancels an order whose payment is not heard of, and gives its stock back', async () => {
    const sku = await rig.product(5);
    const command = rig.command([{ sku, quantity: 5 }], 'tok_never');
    await rig.send(command);
    expect(await rig.heard(command.orderId, CANCELLED)).toEqual([PLACED, REQUESTED, CANCELLED]);
    const [, requested, cancelled] = rig.eventsOf(command.orderId);
    expect(cancelled!.data['reason']).toBe('payment-expired');
    const { payBefore, requestedAt } = requested!.data as Record<string, string>;
    expect(Date.parse(payBefore!) - Date.parse(requestedAt!)).toBe(2_000);
    expect(Date.parse(String(cancelled!.data['cancelledAt']))).toBeGreaterThanOrEqual(
      Date.parse(payBefore!) - 50,
    );
    expect(await rig.available(sku)).toBe(5);
  });

  it('cancels an order whose payment could not be asked for in time', async () => {
    rig.provider.fail(Infinity);
    const sku = await rig.product(5);
    const command = rig.command([{ sku, quantity: 5 }], 'tok_ok');
    await rig.send(command);
    expect(await rig.heard(command.orderId, CANCELLED)).toEqual([PLACED, CANCELLED]);
    expect(rig.eventsOf(command.orderId).at(-1)!.data['reason']).toBe('payment-expired');
    expect(await rig.available(sku)).toBe(5);
    rig.provider.fail(0);
  });

  it('survives a restart, and holds when it passes while no replica runs', async () => {
    const sku = await rig.product(5);
    const command = rig.command([{ sku, quantity: 1 }], 'tok_never');
    await rig.send(command);
    await rig.heard(command.orderId, REQUESTED);
    await rig.restart(async () => {
      await eventually(async () => {
        const [due] = await rig.database.query<{ due: boolean }>(
          `SELECT bool_and(due_at < now()) AS due FROM order_service.scheduled_messages WHERE key = $1`,
          [`order:${command.orderId}:deadline`],
        );
        expect(due!.due).toBe(true);
      });
      expect(rig.eventsOf(command.orderId)).toHaveLength(2);
    });
    await rig.heard(command.orderId, CANCELLED);
    expect(await rig.available(sku)).toBe(5);
  });

  it('is taken back when the order is paid, and refunds what is paid after it', async () => {
    const paid = rig.command([{ sku: await rig.product(5), quantity: 1 }], 'tok_ok');
    await rig.send(paid);
    await rig.heard(paid.orderId, CONFIRMED);
    await expect(
      rig.database.query('SELECT 1 FROM order_service.scheduled_messages WHERE key = $1', [
        `order:${paid.orderId}:deadline`,
      ]),
    ).resolves.toEqual([]);

    const late = rig.command([{ sku: await rig.product(5), quantity: 1 }], 'tok_later');
    await rig.send(late);
    await rig.heard(late.orderId, CANCELLED);
    await rig.decide(late.orderId, 'approved');
    await rig.heard(late.orderId, REFUNDED);
  });
});

describe('two replicas of order-service', () => {
  it('sell the last hundred pieces to a hundred of a thousand orders', async () => {
    const rig = await OrderServiceRig.start();
    const replica = await rig.startReplica();
    try {
      const sku = await rig.product(100);
      const commands = Array.from({ length: 1_000 }, () => rig.command([{ sku, quantity: 1 }]));
      await rig.send(...commands);
      const ends = await rig.ended(commands.map(({ orderId }) => orderId));
      const confirmed = ends.filter((events) => events.at(-1)!.type === CONFIRMED);
      expect(confirmed).toHaveLength(100);
      expect(await rig.available(sku)).toBe(0);
      expect(rig.provider.payments.size).toBe(100);
      expect(rig.deadLetters.all).toEqual([]);
    } finally {
      await replica.stop();
      await rig.stop();
    }
  });
});

async function repeated(act: () => Promise<unknown>): Promise<void> {
  await act();
  await act();
}
