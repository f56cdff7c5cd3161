import { DataSource } from 'typeorm';
import { OrderServiceRig } from './order-service-rig.ts';

describe('placing orders', () => {
  let rig: OrderServiceRig;

  beforeAll(async () => {
    rig = await OrderServiceRig.start();
  });

  afterAll(() => rig.stop());

  const ended = async (orderId: string) => (await rig.ended([orderId]))[0]!;

  it('takes the stock, fixes prices and total, and announces the order as placed, then its payment, then that it stands', async () => {
    const [cup, pot] = [await rig.product(10, 250), await rig.product(5, 4900)];
    const command = rig.command([
      { sku: pot, quantity: 2 },
      { sku: cup, quantity: 3 },
    ]);
    await rig.send(command);

    const [placed, requested, confirmed, ...others] = await ended(command.orderId);
    expect(others).toEqual([]);
    const contents = {
      orderId: command.orderId,
      customerId: command.customerId,
      lines: [
        { sku: pot, quantity: 2, name: `Name of ${pot}`, unitPrice: { amount: 4900, currency: 'EUR' } },
        { sku: cup, quantity: 3, name: `Name of ${cup}`, unitPrice: { amount: 250, currency: 'EUR' } },
      ],
      total: { amount: 10_550, currency: 'EUR' },
    };
    expect(placed).toMatchObject({ type: 'order.placed.v1', sequence: '0000000001', data: contents });
    expect(requested).toMatchObject({
      type: 'order.payment-requested.v1',
      sequence: '0000000002',
      data: contents,
    });
    expect(confirmed).toMatchObject({ type: 'order.confirmed.v1', sequence: '0000000003', data: contents });
    expect(placed!.data).toEqual({ ...contents, placedAt: expect.any(String) });
    const paymentId = `pay_${command.orderId.replaceAll('-', '')}`;
    expect(requested!.data['paymentId']).toBe(paymentId);
    expect(confirmed!.data['paymentId']).toBe(paymentId);
    expect(await rig.available(pot)).toBe(3);
    expect(await rig.available(cup)).toBe(7);
    await expect(
      rig.database.query('SELECT status, version, total FROM order_service.orders WHERE id = $1', [
        command.orderId,
      ]),
    ).resolves.toEqual([{ status: 'confirmed', version: 3, total: '10550' }]);
    await expect(
      rig.database.query(
        'SELECT position, sku, quantity FROM order_service.order_lines WHERE order_id = $1 ORDER BY position',
        [command.orderId],
      ),
    ).resolves.toEqual([
      { position: 1, sku: pot, quantity: 2 },
      { position: 2, sku: cup, quantity: 3 },
    ]);
  });

  it('links its events to the command that caused them', async () => {
    const command = rig.command([{ sku: await rig.product(1), quantity: 1 }]);
    const envelope = rig.envelope(command);
    await rig.publish(envelope);
    const [placed, requested] = await ended(command.orderId);
    expect(placed).toMatchObject({ causationid: envelope.id, correlationid: envelope.correlationid });
    expect(requested).toMatchObject({ correlationid: envelope.correlationid });
  });

  it('rejects an order for an unknown SKU, before it looks at stock, and takes nothing', async () => {
    const [plenty, none] = [await rig.product(10), await rig.product(0)];
    const command = rig.command([
      { sku: none, quantity: 1 },
      { sku: plenty, quantity: 1 },
      { sku: 'SKU-NOBODY-KNOWS', quantity: 1 },
    ]);
    await rig.send(command);

    const events = await ended(command.orderId);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      type: 'order.rejected.v1',
      sequence: '0000000001',
      data: { ...rejectedAs(command), reason: 'unknown-sku', sku: 'SKU-NOBODY-KNOWS' },
    });
    expect(await rig.available(plenty)).toBe(10);
  });

  it('rejects an order that needs more than there is, naming the first SKU that is short, and takes nothing', async () => {
    const [plenty, few] = [await rig.product(10), await rig.product(3)];
    const command = rig.command([
      { sku: plenty, quantity: 1 },
      { sku: few, quantity: 4 },
      { sku: 'SKU-SOLD-OUT', quantity: 1 },
    ]);
    await rig.send(command);

    const events = await ended(command.orderId);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      type: 'order.rejected.v1',
      sequence: '0000000001',
      data: { ...rejectedAs(command), reason: 'insufficient-stock', sku: few },
    });
    expect([await rig.available(plenty), await rig.available(few)]).toEqual([10, 3]);
    await expect(
      rig.database.query(
        'SELECT status, version, rejection_reason, rejection_sku FROM order_service.orders WHERE id = $1',
        [command.orderId],
      ),
    ).resolves.toEqual([
      { status: 'rejected', version: 1, rejection_reason: 'insufficient-stock', rejection_sku: few },
    ]);
  });

  it('counts lines for the same SKU together', async () => {
    const sku = await rig.product(3);
    const command = rig.command([
      { sku, quantity: 2 },
      { sku, quantity: 2 },
    ]);
    await rig.send(command);
    expect(await ended(command.orderId)).toMatchObject([{ data: { reason: 'insufficient-stock', sku } }]);
    expect(await rig.available(sku)).toBe(3);
  });

  it('has one effect when the same command is delivered twice', async () => {
    const sku = await rig.product(10);
    const command = rig.command([{ sku, quantity: 1 }]);
    const envelope = rig.envelope(command);
    await rig.until(1, 'duplicate', async () => {
      await rig.publish(envelope);
      await rig.publish(envelope);
    });
    await ended(command.orderId);
    expect(rig.eventsOf(command.orderId)).toHaveLength(3);
    expect(await rig.available(sku)).toBe(9);
  });

  it('decides an order once, although a second command with another id and other lines names it again', async () => {
    const [sku, other] = [await rig.product(10), await rig.product(10)];
    const command = rig.command([{ sku, quantity: 1 }]);
    await rig.send(command);
    await ended(command.orderId);
    await rig.until(2, 'done', async () => {
      await rig.send({ ...command, lines: [{ sku: other, quantity: 5 }] });
      await rig.send({ ...command, lines: [{ sku: 'SKU-NOBODY-KNOWS', quantity: 5 }] });
    });
    expect(rig.eventsOf(command.orderId)).toHaveLength(3);
    expect([await rig.available(sku), await rig.available(other)]).toEqual([9, 10]);
  });

  it('sells the last pieces to exactly as many orders as there are pieces', async () => {
    const sku = await rig.product(100);
    const commands = Array.from({ length: 1_000 }, () => rig.command([{ sku, quantity: 1 }]));
    await rig.send(...commands);
    const ends = await rig.ended(commands.map(({ orderId }) => orderId));
    const confirmed = ends.filter((events) => events.at(-1)!.type === 'order.confirmed.v1');
    const rejected = ends.filter((events) => events.at(-1)!.type === 'order.rejected.v1');
    expect([confirmed.length, rejected.length]).toEqual([100, 900]);
    expect(await rig.available(sku)).toBe(0);
    expect(rig.deadLetters.all).toEqual([]);
  });

  it('serves orders for the same products in opposite order without a deadlock', async () => {
    const skus = [await rig.product(1000), await rig.product(1000), await rig.product(1000)];
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    const commands = Array.from({ length: 60 }, (_, i) => rig.command(i % 2 ? lines : lines.toReversed()));
    await rig.send(...commands);
    await rig.ended(commands.map(({ orderId }) => orderId));
    expect(await Promise.all(skus.map((sku) => rig.available(sku)))).toEqual([940, 940, 940]);
    const [{ deadlocks }] = (await rig.database.query(
      'SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()',
    )) as [{ deadlocks: number }];
    expect(deadlocks).toBe(0);
  });

  it('does not make an order wait for the stock of another product', async () => {
    const [held, free] = [await rig.product(1), await rig.product(1)];
    const [waiting, unrelated] = [
      rig.command([{ sku: held, quantity: 1 }]),
      rig.command([{ sku: free, quantity: 1 }]),
    ];
    await rig.service.app.get(DataSource).transaction(async (tx) => {
      await tx.query('SELECT 1 FROM stock WHERE sku = $1 FOR UPDATE', [held]);
      await rig.send(waiting, unrelated);
      await ended(unrelated.orderId);
      expect(rig.eventsOf(waiting.orderId)).toEqual([]);
    });
    await ended(waiting.orderId);
  });

  it.each([
    ['is not JSON', () => 'order two teapots, please'],
    ['has a line with no pieces', () => rig.envelope(rig.command([{ sku: 'SKU-TEAPOT', quantity: 0 }]))],
    [
      'has a SKU that no database can hold',
      () => rig.envelope(rig.command([{ sku: '\u0000', quantity: 1 }])),
    ],
  ])('puts a command aside that %s, with the reason, and goes on with the next', async (_what, body) => {
    await rig.publish(body());
    const dead = await rig.deadLetters.next();
    expect(dead.routingKey).toBe('order-service.commands');
    expect(JSON.stringify(dead.headers)).toMatch(/MalformedEnvelope|InvalidData/);
    const command = rig.command([{ sku: await rig.product(1), quantity: 1 }]);
    await rig.send(command);
    await ended(command.orderId);
  });

  function rejectedAs({ orderId, customerId, lines }: ReturnType<typeof rig.command>) {
    return { orderId, customerId, lines };
  }
});
