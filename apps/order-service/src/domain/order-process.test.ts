import fc from 'fast-check';
import {
  Contradiction,
  owesRefund,
  whenCustomerCancels,
  whenDeadlinePasses,
  whenPaymentDecided,
  whenPaymentRefused,
  whenPaymentRequested,
  whenPlaced,
  whenRefunded,
  type Course,
} from './order-process.ts';
import { cancel, isFinal, place, type Order, type OrderStatus, type PlacedOrder } from './order.ts';
import { demandOf, type Offer, type RequestedLine } from './stock.ts';

const AT = '2026-01-15T09:31:00.000Z';
const PAY_BEFORE = '2026-01-15T09:46:00.000Z';
const SKUS = ['SKU-A', 'SKU-B', 'SKU-C'];

/** A message that reaches the process, of one of several orders. */
type Message =
  | { type: 'place'; order: number }
  | { type: 'request-taken' | 'request-refused'; order: number }
  | { type: 'approved' | 'declined'; order: number }
  | { type: 'cancel'; order: number }
  | { type: 'deadline'; order: number; step: 'placed' | 'awaiting-payment' }
  | { type: 'refunded'; order: number };

/** All orders of a shop, with what storage does in one transaction for each message. */
class Shop {
  readonly orders = new Map<number, Order>();
  readonly tombstones = new Set<number>();
  /** Every state that an order was in, the first one first. */
  readonly courses = new Map<number, Order[]>();
  readonly contradictions: Contradiction[] = [];

  constructor(
    readonly stock: Map<string, Offer>,
    readonly requests: readonly (readonly RequestedLine[])[],
  ) {}

  take(message: Message): void {
    const order = this.orders.get(message.order);
    try {
      if (message.type === 'place') this.#place(message.order);
      else if (order) this.#advance(message.order, order, courseOf(order, message));
      else if (message.type === 'cancel') this.tombstones.add(message.order);
    } catch (error) {
      if (!(error instanceof Contradiction)) throw error;
      this.contradictions.push(error);
    }
  }

  #place(id: number): void {
    if (this.orders.has(id)) return;
    const lines = this.requests[id]!;
    const request = { orderId: `order-${id}`, customerId: 'customer-1', lines, acceptedAt: AT };
    const order = place(request, this.stock, AT);
    if (order.status === 'placed') this.#move(order, -1);
    this.orders.set(id, order);
    this.courses.set(id, [order]);
    if (order.status === 'rejected') return;
    this.#advance(
      id,
      order,
      this.tombstones.has(id) ? whenCustomerCancels(order, AT) : whenPlaced(order, AT),
    );
  }

  #advance(id: number, before: Order, course: Course): void {
    const end = course.at(-1);
    if (!end) return;
    if (end.status === 'cancelled' && before.status !== 'cancelled') this.#move(end, 1);
    this.orders.set(id, end);
    this.courses.get(id)!.push(...course);
  }

  #move({ lines }: Order, direction: 1 | -1): void {
    for (const [sku, quantity] of demandOf(lines)) {
      const offer = this.stock.get(sku)!;
      this.stock.set(sku, { ...offer, available: offer.available + direction * quantity });
    }
  }
}

function courseOf(order: Order, message: Exclude<Message, { type: 'place' }>): Course {
  const paymentId = `pay-${message.order}`;
  const payment = { paymentId, requestedAt: AT, payBefore: PAY_BEFORE };
  switch (message.type) {
    case 'request-taken':
      return whenPaymentRequested(order, payment);
    case 'request-refused':
      return whenPaymentRefused(order, AT);
    case 'approved':
    case 'declined': {
      // The provider has decided only what it was asked for, so on an order that has a price.
      if (order.status === 'rejected' || order.total.amount === 0) return [];
      return whenPaymentDecided(
        order,
        { paymentId, outcome: message.type, amount: order.total },
        payment,
        AT,
      );
    }
    case 'cancel':
      return whenCustomerCancels(order, AT);
    case 'deadline':
      return whenDeadlinePasses(order, message.step, AT);
    case 'refunded':
      return whenRefunded(order, AT);
  }
}

const ORDERS = 4;
const anOrder = fc.nat({ max: ORDERS - 1 });
const someMessages = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('place' as const), order: anOrder }) },
    {
      weight: 8,
      arbitrary: fc.record({
        type: fc.constantFrom(
          ...(['request-taken', 'request-refused', 'approved', 'declined', 'cancel', 'refunded'] as const),
        ),
        order: anOrder,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('deadline' as const),
        order: anOrder,
        step: fc.constantFrom('placed' as const, 'awaiting-payment' as const),
      }),
    },
  ),
  { maxLength: 60 },
);

const aShop = fc
  .tuple(
    fc.array(
      fc.record({ amount: fc.integer({ min: 0, max: 500 }), available: fc.integer({ min: 0, max: 25 }) }),
      {
        minLength: SKUS.length,
        maxLength: SKUS.length,
      },
    ),
    fc.array(
      fc.array(fc.record({ sku: fc.constantFrom(...SKUS), quantity: fc.integer({ min: 1, max: 8 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
      { minLength: ORDERS, maxLength: ORDERS },
    ),
  )
  .map(([products, requests]) => ({
    requests,
    stock: () =>
      new Map(
        products.map(({ amount, available }, i): [string, Offer] => {
          const sku = SKUS[i]!;
          return [sku, { sku, name: sku, unitPrice: { amount, currency: 'EUR' }, available }];
        }),
      ),
  }));

/** What brings every order to its end, whatever came before: deadlines pass, and refunds are carried out. */
function ending(): Message[] {
  return Array.from({ length: ORDERS }, (_, order): Message[] => [
    { type: 'place', order },
    { type: 'deadline', order, step: 'placed' },
    { type: 'deadline', order, step: 'awaiting-payment' },
    { type: 'refunded', order },
  ]).flat();
}

/** Looks at the shop after each of the messages. */
function inEachState(
  check: (shop: Shop, initial: ReadonlyMap<string, Offer>) => void,
): fc.IProperty<[unknown, Message[]]> {
  return fc.property(aShop, someMessages, ({ stock, requests }, messages) => {
    const shop = new Shop(stock(), requests);
    for (const message of messages) {
      shop.take(message);
      check(shop, stock());
    }
  }) as fc.IProperty<[unknown, Message[]]>;
}

describe('whatever reaches the orders, in whatever order and however often', () => {
  it('stock is never negative and never lost: what is not on the shelf is in an order that holds it', () => {
    fc.assert(
      inEachState((shop, initial) => {
        const held = new Map<string, number>();
        for (const order of shop.orders.values()) {
          if (order.status === 'rejected' || order.status === 'cancelled') continue;
          for (const [sku, quantity] of demandOf(order.lines)) held.set(sku, (held.get(sku) ?? 0) + quantity);
        }
        for (const [sku, { available }] of shop.stock) {
          expect(available).toBeGreaterThanOrEqual(0);
          expect(available + (held.get(sku) ?? 0)).toBe(initial.get(sku)!.available);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('the total is the sum of the lines, and neither changes', () => {
    fc.assert(
      inEachState((shop) => {
        for (const course of shop.courses.values()) {
          const [first] = course;
          if (first!.status === 'rejected') continue;
          const sum = (first as PlacedOrder).lines.reduce(
            (all, l) => all + l.unitPrice.amount * l.quantity,
            0,
          );
          for (const order of course as PlacedOrder[]) {
            expect(order.total).toEqual({ amount: sum, currency: 'EUR' });
            expect(order.lines).toEqual((first as PlacedOrder).lines);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('versions begin with one and have no gaps, and a version has one state', () => {
    fc.assert(
      inEachState((shop) => {
        for (const course of shop.courses.values()) {
          const versions = course.map(({ version }) => version);
          const told = versions.filter((version, i) => version !== versions[i - 1]);
          expect(told).toEqual(told.map((_, i) => i + 1));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('every order that comes ends in exactly one final state, and owes nothing in the end', () => {
    fc.assert(
      fc.property(aShop, someMessages, ({ stock, requests }, messages) => {
        const shop = new Shop(stock(), requests);
        for (const message of [...messages, ...ending()]) shop.take(message);
        expect(shop.orders.size).toBe(ORDERS);
        for (const [id, order] of shop.orders) {
          expect(isFinal(order)).toBe(true);
          expect(owesRefund(order)).toBe(false);
          const finals = new Set(
            shop.courses
              .get(id)!
              .filter(isFinal)
              .map(({ status }) => status),
          );
          expect([...finals]).toEqual([order.status]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a message that is repeated at once changes nothing more', () => {
    fc.assert(
      fc.property(aShop, someMessages, ({ stock, requests }, messages) => {
        const [once, twice] = [new Shop(stock(), requests), new Shop(stock(), requests)];
        for (const message of messages) {
          once.take(message);
          twice.take(message);
          twice.take(message);
        }
        expect(twice.orders).toEqual(once.orders);
        expect(twice.stock).toEqual(once.stock);
      }),
      { numRuns: 300 },
    );
  });

  it('the money of an order that is not confirmed is never kept', () => {
    fc.assert(
      fc.property(aShop, someMessages, ({ stock, requests }, messages) => {
        const shop = new Shop(stock(), requests);
        for (const message of [...messages, ...ending()]) shop.take(message);
        for (const id of shop.orders.keys()) {
          // A provider decides once. Whoever was approved has paid.
          const decisions = messages.filter(
            (m, i) =>
              m.order === id &&
              (m.type === 'approved' || m.type === 'declined') &&
              messages.slice(0, i).some((before) => before.type === 'place' && before.order === id),
          );
          const order = shop.orders.get(id)!;
          if (order.status === 'rejected' || order.total.amount === 0) continue;
          const paid = decisions.some(({ type }) => type === 'approved');
          if (order.status === 'confirmed') expect(paid).toBe(true);
          if (order.status === 'cancelled') expect(order.refund?.doneAt !== undefined).toBe(paid);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a cancellation that overtakes its order cancels it', () => {
    const stock = new Map([
      ['SKU-A', { sku: 'SKU-A', name: 'A', unitPrice: { amount: 5, currency: 'EUR' }, available: 2 }],
    ]);
    const shop = new Shop(stock, [[{ sku: 'SKU-A', quantity: 2 }]]);
    shop.take({ type: 'cancel', order: 0 });
    shop.take({ type: 'place', order: 0 });
    expect(shop.orders.get(0)).toMatchObject({ status: 'cancelled', reason: 'customer', version: 2 });
    expect(shop.stock.get('SKU-A')!.available).toBe(2);
  });
});

describe('a payment', () => {
  const stock = new Map([
    ['SKU-A', { sku: 'SKU-A', name: 'A', unitPrice: { amount: 5, currency: 'EUR' }, available: 2 }],
  ]);
  const request = {
    orderId: 'order-1',
    customerId: 'customer-1',
    lines: [{ sku: 'SKU-A', quantity: 2 }],
    acceptedAt: AT,
  };
  const placed = place(request, stock, AT) as PlacedOrder;
  const payment = { paymentId: 'pay-1', requestedAt: AT, payBefore: PAY_BEFORE };
  const amount = { amount: 10, currency: 'EUR' };
  const decide = (order: Order, outcome: 'approved' | 'declined', paymentId = 'pay-1', paid = amount) =>
    whenPaymentDecided(order, { paymentId, outcome, amount: paid }, payment, AT);
  const [awaiting] = whenPaymentRequested(placed, payment) as [Order];
  const [confirmed] = decide(awaiting, 'approved') as [Order];

  it('that is decided before its request is noted goes through both states', () => {
    expect(decide(placed, 'approved').map(({ status }) => status)).toEqual(['awaiting-payment', 'confirmed']);
    expect(decide(placed, 'declined').map(({ status }) => status)).toEqual(['awaiting-payment', 'cancelled']);
    expect(whenPaymentRequested(confirmed, payment)).toEqual([]);
    expect(whenPaymentRefused(confirmed, AT)).toEqual([]);
  });

  it('of another amount or currency changes nothing and is a contradiction', () => {
    for (const order of [placed, awaiting, confirmed]) {
      expect(() => decide(order, 'approved', 'pay-1', { amount: 9, currency: 'EUR' })).toThrow(Contradiction);
      expect(() => decide(order, 'approved', 'pay-1', { amount: 10, currency: 'CHF' })).toThrow(
        `order order-1 is ${order.status}`,
      );
    }
  });

  it('that is not the one that was asked for is a contradiction, as money may have been taken twice', () => {
    expect(() => decide(awaiting, 'approved', 'pay-2')).toThrow(Contradiction);
    expect(() => decide(confirmed, 'approved', 'pay-2')).toThrow(Contradiction);
    const [owing] = decide(cancel(awaiting, 'customer', AT), 'approved') as [Order];
    expect(() => decide(owing, 'approved', 'pay-2')).toThrow(Contradiction);
  });

  it('that was approved and is declined afterwards is a contradiction', () => {
    expect(() => decide(confirmed, 'declined')).toThrow('is confirmed, but payment pay-1 was declined');
  });

  it('for an order that was rejected is a contradiction', () => {
    const rejected = place({ ...request, lines: [{ sku: 'SKU-X', quantity: 1 }] }, stock, AT);
    expect(() => decide(rejected, 'approved')).toThrow(Contradiction);
  });

  it.each<[OrderStatus, 'placed' | 'awaiting-payment', boolean]>([
    ['placed', 'placed', true],
    ['placed', 'awaiting-payment', false],
    ['awaiting-payment', 'placed', false],
    ['awaiting-payment', 'awaiting-payment', true],
    ['confirmed', 'awaiting-payment', false],
  ])('of an order that is %s: the deadline of %s cancels it: %s', (status, step, expires) => {
    const order = { placed, 'awaiting-payment': awaiting, confirmed }[status as 'placed']!;
    expect(whenDeadlinePasses(order, step, AT)).toEqual(
      expires ? [expect.objectContaining({ status: 'cancelled', reason: 'payment-expired' })] : [],
    );
  });
});
