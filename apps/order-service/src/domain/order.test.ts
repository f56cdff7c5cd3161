import fc from 'fast-check';
import { CurrencyMismatch, MoneyOverflow } from './money.ts';
import {
  confirm,
  IllegalTransition,
  isFinal,
  place,
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

describe('the life of orders', () => {
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

  it('has versions without gaps and exactly one final state, however often a change is tried', () => {
    fc.assert(
      fc.property(someLines, someOffers, fc.nat({ max: 5 }), (lines, offers, repetitions) => {
        let order: Order = place(request(lines), offers, AT);
        const history: { version: number; status: OrderStatus }[] = [order];
        for (let i = 0; i < repetitions; i++) {
          if (isFinal(order)) {
            const { orderId, status } = order;
            expect(() => confirm(order, AT)).toThrow(new IllegalTransition(orderId, status, 'confirmed'));
          } else {
            order = confirm(order, AT);
            history.push(order);
          }
        }
        expect(history.map(({ version }) => version)).toEqual(history.map((_, i) => i + 1));
        expect(history.filter(({ status }) => status !== 'placed').length).toBeLessThanOrEqual(1);
        if (repetitions > 0) expect(isFinal(order)).toBe(true);
      }),
    );
  });

  it('keeps lines, total and times of a placed order when it is confirmed', () => {
    const unitPrice = { amount: 250, currency: 'EUR' };
    const offers = new Map([['SKU-A', { sku: 'SKU-A', name: 'A', unitPrice, available: 2 }]]);
    const placed = place(request([{ sku: 'SKU-A', quantity: 2 }]), offers, AT);
    expect(confirm(placed, '2026-01-15T09:31:01.000Z')).toEqual({
      ...placed,
      status: 'confirmed',
      version: 2,
      confirmedAt: '2026-01-15T09:31:01.000Z',
    });
  });
});
