import { randomUUID } from 'node:crypto';
import { eventually } from '@warren/testing';
import type { ServiceName } from '@warren/tools/provision/rights.ts';
import type { Customer } from '@warren/tools/clients/api-client.ts';
import { distinct } from '@warren/tools/clients/mail-inbox.ts';
import { SystemUnderTest } from './system-under-test.ts';

let sut: SystemUnderTest;
beforeAll(async () => {
  sut = await SystemUnderTest.start();
}, 120_000);
afterAll(() => sut.stop());

const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 };
const ORDERS = 30;

async function stockOf(sku: string): Promise<number> {
  const [row] = await sut.sql<{ available: number }>(
    'SELECT available FROM order_service.stock WHERE sku = $1',
    [sku],
  );
  return row!.available;
}

/** As a customer's program would: the same key until there is an answer. */
async function placeDespiteCrashes(customer: Customer): Promise<string> {
  const key = randomUUID();
  return eventually(() => customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity: 1 }], key), PATIENCE);
}

describe('a service that is killed in the middle of the flow', () => {
  it.each<ServiceName>(['gateway', 'order-service', 'email-service', 'file-worker'])(
    '%s: everything that was accepted has its effect, once',
    async (victim) => {
      const customer = await sut.api.newCustomer();
      const stock = await stockOf('SKU-TEAPOT');
      const service = sut.system.services[victim];
      const pids = [service.pid];

      const orders: string[] = [];
      const files: string[] = [];
      for (let n = 0; n < ORDERS; n += 1) {
        orders.push(await placeDespiteCrashes(customer));
        if (n % 5 === 0) {
          const bytes = Buffer.from(`a,b\n${'1,2\n'.repeat(n + 1)}`);
          files.push(await eventually(() => customer.upload(`table-${n}.csv`, bytes), PATIENCE));
        }
        if (n === 8 || n === 20) {
          // A second kill must not meet the first one's successor before it runs.
          await service.untilReady();
          service.kill('SIGKILL');
          await eventually(() => expect(pids).not.toContain(service.pid), PATIENCE);
          pids.push(service.pid);
        }
      }
      await service.untilReady();
      expect(new Set(pids).size).toBe(3);

      await eventually(async () => {
        const states = await Promise.all(orders.map((id) => customer.order(id)));
        expect(states.filter(({ status }) => status !== 'confirmed')).toEqual([]);
      }, PATIENCE);
      await eventually(async () => {
        const states = await Promise.all(files.map((id) => customer.file(id)));
        expect(states.filter(({ status }) => status !== 'processed')).toEqual([]);
      }, PATIENCE);
      expect(new Set(orders).size).toBe(ORDERS);
      expect(await stockOf('SKU-TEAPOT')).toBe(stock - ORDERS);
      const [events] = await sut.sql<{ orders: number }>(
        'SELECT count(*)::int AS orders FROM order_service.orders WHERE customer_id = $1',
        [customer.id],
      );
      expect(events).toEqual({ orders: ORDERS });
      await eventually(async () => {
        const mails = distinct(await sut.inbox.to(customer.email));
        for (const id of [...orders, ...files]) {
          expect({ id, mails: mails.filter(({ text }) => text?.includes(id)).length }).toEqual({
            id,
            mails: 1,
          });
        }
      }, PATIENCE);
    },
    180_000,
  );
});
