import fc from 'fast-check';
import { CurrencyMismatch, MoneyOverflow } from './money.ts';
import {
  awaitPayment,
  cancel,
  confirm,
  IllegalTransition,
  isFinal,
  oweRefund,
  place,
  refuseCancellation,
  settleRefund,
  type Order,
  type OrderRequest,
  type OrderStatus,
} from './order.ts';
import { demandOf, type Offer, type RequestedLine } from './stock.ts';

const AT = '2026-01-15T09:31:00.000Z';
const SKUS = ['SKU-A', 'SKU-B', 'SKU-C', 'SKU-D'];

const someOffers = fc
  .uniqueArray(
    fc.record({
      sku: fc.constantFrom(...SKUS),
      amount: fc.integer({ min: 0, max: 900_000_000 }),
      available: fc.integer({ min: 0, max: 30 }),
    }),
    { selector: ({ sku }) => sku },
  )
  .map(
    (products) =>
      new Map(
        products.map(({ sku, amount, available }): [string, Offer] => [
          sku,
          { sku, name: `name of ${sku}`, unitPrice: { amount, currency: 'EUR' }, available },
        ]),
      ),
  );

const someLines: fc.Arbitrary<RequestedLine[]> = fc.array(
  fc.record({ sku: fc.constantFrom(...SKUS), quantity: fc.integer({ min: 1, max: 20 }) }),
  { minLength: 1, maxLength: 6 },
);

function request(lines: readonly RequestedLine[], orderId = 'order-1'): OrderRequest {
  return { orderId, customerId: 'customer-1', lines, acceptedAt: AT };
}

function take(offers: Map<string, Offer>, lines: readonly RequestedLine[]): void {
  for (const [sku, quantity] of demandOf(lines)) {
    const offer = offers.get(sku)!;
    offers.set(sku, { ...offer, available: offer.available - quantity });
  }
}

describe('placing an order', () => {
  it('places it when every SKU exists and its stock covers all lines together, and rejects it otherwise', () => {
    fc.assert(
      fc.property(someLines, someOffers, (lines, offers) => {
        const unknown = lines.find(({ sku }) => !offers.has(sku));
        const short = lines.find(({ sku }) => {
          const needed = lines
            .filter((line) => line.sku === sku)
            .reduce((sum, line) => sum + line.quantity, 0);
          return (offers.get(sku)?.available ?? 0) < needed;
        });
        const order = place(request(lines), offers, AT);
        if (unknown) {
          expect(order).toMatchObject({ rejection: { reason: 'unknown-sku', sku: unknown.sku } });
        } else if (short) {
          expect(order).toMatchObject({ rejection: { reason: 'insufficient-stock', sku: short.sku } });
        } else {
          expect(order.status).toBe('placed');
        }
      }),
    );
  });

  it('fixes the price of each line, and the total is the sum over the lines', () => {
    fc.assert(
      fc.property(someLines, someOffers, (lines, offers) => {
        const order = place(request(lines), offers, AT);
        fc.pre(order.status === 'placed');
        expect(order.lines.map(({ sku, quantity }) => ({ sku, quantity }))).toEqual(lines);
        for (const line of order.lines) {
          expect(line.unitPrice).toEqual(offers.get(line.sku)!.unitPrice);
          expect(line.name).toBe(`name of ${line.sku}`);
        }
        const sum = order.lines.reduce(
          (total, l) => total + BigInt(l.unitPrice.amount) * BigInt(l.quantity),
          0n,
        );
        expect(BigInt(order.total.amount)).toBe(sum);
        expect(order.total.currency).toBe('EUR');
      }),
    );
  });

  it('names an unknown SKU even when a line before it has too little stock', () => {
    const offers = new Map<string, Offer>([
      ['SKU-A', { sku: 'SKU-A', name: 'A', unitPrice: { amount: 1, currency: 'EUR' }, available: 0 }],
    ]);
    const lines = [
      { sku: 'SKU-A', quantity: 1 },
      { sku: 'SKU-X', quantity: 1 },
    ];
    expect(place(request(lines), offers, AT)).toMatchObject({
      status: 'rejected',
      version: 1,
      rejection: { reason: 'unknown-sku', sku: 'SKU-X' },
    });
  });

  it('computes the largest order that contracts and catalogue allow exactly', () => {
    const lines = Array.from({ length: 100 }, (_, i) => ({ sku: `SKU-${i}`, quantity: 100_000 }));
    const unitPrice = { amount: 900_000_000, currency: 'EUR' };
    const offers = new Map(
      lines.map(({ sku }): [string, Offer] => [sku, { sku, name: sku, unitPrice, available: 100_000 }]),
    );
    expect(place(request(lines), offers, AT)).toMatchObject({ total: { amount: 9_000_000_000_000_000 } });
  });

  it('refuses to compute a total that would not be exact', () => {
    const unitPrice = { amount: Number.MAX_SAFE_INTEGER, currency: 'EUR' };
    const offers = new Map<string, Offer>([
      ['SKU-A', { sku: 'SKU-A', name: 'A', unitPrice, available: 2 }],
      ['SKU-B', { sku: 'SKU-B', name: 'B', unitPrice, available: 2 }],
    ]);
    expect(() => place(request([{ sku: 'SKU-A', quantity: 2 }]), offers, AT)).toThrow(MoneyOverflow);
    const both = [
      { sku: 'SKU-A', quantity: 1 },
      { sku: 'SKU-B', quantity: 1 },
    ];
    expect(() => place(request(both), offers, AT)).toThrow(MoneyOverflow);
  });

  it('refuses to sum prices of different currencies', () => {
    const offers = new Map<string, Offer>([
      ['SKU-A', { sku: 'SKU-A', name: 'A', unitPrice: { amount: 1, currency: 'EUR' }, available: 2 }],
      ['SKU-B', { sku: 'SKU-B', name: 'B', unitPrice: { amount: 1, currency: 'CHF' }, available: 2 }],
    ]);
    const lines = [
      { sku: 'SKU-A', quantity: 1 },
      { sku: 'SKU-B', quantity: 1 },
    ];
    expect(() => place(request(lines), offers, AT)).toThrow(CurrencyMismatch);
  });
});

describe('placing many orders', () => {
  it('never makes stock negative and never loses a piece, whatever is ordered in whatever order', () => {
    fc.assert(
      fc.property(fc.array(someLines, { maxLength: 20 }), someOffers, (requests, initial) => {
        const offers = new Map(initial);
        const taken = new Map<string, number>();
        requests.forEach((lines, i) => {
          const order = place(request(lines, `order-${i}`), offers, AT);
          if (order.status === 'rejected') return;
          take(offers, order.lines);
          for (const [sku, quantity] of demandOf(order.lines)) {
            taken.set(sku, (taken.get(sku) ?? 0) + quantity);
          }
        });
        for (const [sku, { available }] of offers) {
          expect(available).toBeGreaterThanOrEqual(0);
          expect(available + (taken.get(sku) ?? 0)).toBe(initial.get(sku)!.available);
        }
      }),
    );
  });
});

describe('the states of an order', () => {
  const payment = {
    paymentId: 'pay_1',
    requestedAt: '2026-01-15T09:31:01.000Z',
    payBefore: '2026-01-15T09:46:01.000Z',
  };
  const placedFor = (amount: number) =>
    place(
      request([{ sku: 'SKU-A', quantity: 2 }]),
      new Map([['SKU-A', { sku: 'SKU-A', name: 'A', unitPrice: { amount, currency: 'EUR' }, available: 2 }]]),
      AT,
    );
  const placed = placedFor(250);
  const states = {
    placed,
    'awaiting-payment': awaitPayment(placed, payment),
    confirmed: confirm(awaitPayment(placed, payment), AT),
    cancelled: cancel(placed, 'customer', AT),
    rejected: place(request([{ sku: 'SKU-X', quantity: 1 }]), new Map(), AT),
  } satisfies Record<OrderStatus, Order>;
  const moves = {
    'awaiting-payment': (order: Order) => awaitPayment(order, payment),
    confirmed: (order: Order) => confirm(order, AT),
    cancelled: (order: Order) => cancel(order, 'payment-expired', AT),
  };
  const allowed = new Set([
    'placed > awaiting-payment',
    'placed > cancelled',
    'awaiting-payment > confirmed',
    'awaiting-payment > cancelled',
  ]);

  it.each(
    Object.values(states).flatMap((order) =>
      Object.entries(moves).map(([to, move]) => [order.status, to, order, move] as const),
    ),
  )('from %s to %s', (from, to, order, move) => {
    if (allowed.has(`${from} > ${to}`)) {
      expect(move(order)).toMatchObject({ status: to, version: order.version + 1 });
    } else {
      expect(() => move(order)).toThrow(new IllegalTransition(order.orderId, from, to));
    }
  });

  it('ends in three of them', () => {
    expect(Object.values(states).filter(isFinal)).toEqual([
      states.confirmed,
      states.cancelled,
      states.rejected,
    ]);
  });

  it('keeps lines, total and times in all that follows', () => {
    const { status: _, version: __, ...kept } = placed;
    for (const order of [states['awaiting-payment'], states.confirmed, states.cancelled]) {
      expect(order).toMatchObject(kept);
    }
  });

  it('needs no payment for an order that costs nothing, and takes none', () => {
    const free = placedFor(0);
    expect(confirm(free, AT)).toMatchObject({ status: 'confirmed', version: 2 });
    expect(() => awaitPayment(free, payment)).toThrow(IllegalTransition);
  });

  it('refuses the cancellation of a confirmed order once, and of no other', () => {
    const refused = refuseCancellation(states.confirmed, AT);
    expect(refused).toMatchObject({ status: 'confirmed', version: 4, cancellationRefusedAt: AT });
    for (const order of [refused, placed, states.cancelled, states.rejected]) {
      expect(() => refuseCancellation(order, AT)).toThrow(IllegalTransition);
    }
  });

  it('refunds a cancelled order once, and tells of it when it is done', () => {
    const owed = oweRefund(states.cancelled, 'pay_1', AT);
    expect(owed.version).toBe(states.cancelled.version);
    const settled = settleRefund(owed, AT);
    expect(settled.version).toBe(states.cancelled.version + 1);
    expect(settled.refund).toEqual({ paymentId: 'pay_1', dueAt: AT, doneAt: AT });
    for (const order of [owed, settled, states.confirmed, placed]) {
      expect(() => oweRefund(order, 'pay_2', AT)).toThrow(IllegalTransition);
    }
    for (const order of [states.cancelled, settled, states.confirmed]) {
      expect(() => settleRefund(order, AT)).toThrow(IllegalTransition);
    }
  });
});
