import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { CallbackStore } from './callback-store.ts';
import { Database } from './database.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import { PaymentStore } from './payment-store.ts';

describe('the statements of the sandbox', () => {
  it('read no table from its beginning, and sort nothing', () => {
    const directory = mkdtempSync(join(tmpdir(), 'warren-payments-'));
    const database = new Database(directory);
    const spies = [jest.spyOn(database, 'row'), jest.spyOn(database, 'rows'), jest.spyOn(database, 'run')];
    try {
      const payments = new PaymentStore(database);
      const callbacks = new CallbackStore(database);
      const now = new Date();
      const amount = { amount: 5, currency: 'EUR' };
      const reference = randomUUID();
      const createdAt = now.toISOString();
      payments.insert({ id: 'pay_1', reference, status: 'pending', amount, createdAt }, 'approved', now);
      expect(payments.due(now, 10)).toEqual([{ id: 'pay_1', prospect: 'approved' }]);
      expect(payments.nextDue()).toEqual(now);
      expect(payments.decide('pay_1', 'approved')).toBe(true);
      payments.insertRefund({ id: 'ref_1', paymentId: 'pay_1', status: 'succeeded', amount, createdAt });
      expect(payments.find('pay_1')).toMatchObject({ refunded: amount });
      expect(payments.list(10, 1_000)).toHaveLength(1);
      expect(payments.listOf(reference, 10, 1_000)).toHaveLength(1);
      callbacks.insert('pay_1', { id: 'evt_1', body: '{}', createdAt: now, attempts: 0 }, now);
      expect(callbacks.due(now, 10)).toHaveLength(1);
      callbacks.begin('evt_1', new Date(now.getTime() + 1));
      expect(callbacks.nextDueAfter(now)).toEqual(new Date(now.getTime() + 1));
      callbacks.fail('evt_1', now);
      callbacks.deliver('evt_1');
      new IdempotencyKeys(database).once('key', {}, () => ({}));

      const calls = new Map(spies.flatMap(({ mock }) => mock.calls).map(([sql, ...values]) => [sql, values]));
      for (const spy of spies) spy.mockRestore();
      expect(calls.size).toBeGreaterThan(12);
      for (const [sql, values] of calls) {
        const plan = database.rows<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...(values as string[]));
        const costly = plan.filter(({ detail }) =>
          /TEMP B-TREE|^SCAN (?!.* INDEX payments_to_decide)/.test(detail),
        );
        expect([sql, costly]).toEqual([sql, []]);
      }
    } finally {
      database.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('what is stored', () => {
  it('can not be refunded beyond its amount, whatever asks for it', () => {
    const directory = mkdtempSync(join(tmpdir(), 'warren-payments-'));
    const database = new Database(directory);
    try {
      const payments = new PaymentStore(database);
      const createdAt = new Date().toISOString();
      const amount = { amount: 5, currency: 'EUR' };
      payments.insert({ id: 'pay_1', reference: 'r', status: 'pending', amount, createdAt }, null, null);
      const refund = (id: string, of: number) =>
        database.transaction(() =>
          payments.insertRefund({
            id,
            paymentId: 'pay_1',
            status: 'succeeded',
            amount: { amount: of, currency: 'EUR' },
            createdAt,
          }),
        );
      expect(() => refund('ref_1', 1)).toThrow('CHECK constraint failed');
      payments.decide('pay_1', 'approved');
      refund('ref_1', 4);
      expect(() => refund('ref_2', 2)).toThrow('CHECK constraint failed');
      expect(payments.find('pay_1')!.refunded.amount).toBe(4);
    } finally {
      database.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
