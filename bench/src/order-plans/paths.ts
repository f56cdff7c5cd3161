import { setTimeout as delay } from 'node:timers/promises';
import type { ConfirmChannel } from 'amqplib';
import type { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { publishCancellation, publishDecision, publishOrder } from '../programs/order-messages.ts';

const PATIENCE_MS = 30_000;
const POLL_MS = 5;

/** One way through order-service, taken by orders that are there or by new ones. */
export interface Path {
  readonly name: string;
  /** Takes it once, and returns when it is done. @returns for how many orders that was */
  take(shop: PathShop): Promise<number>;
}

export interface OrderRow {
  id: string;
  customer_id: string;
  total: string;
}

/** What the paths need: the client's connections, and orders to take. */
export class PathShop {
  readonly #db: Client;
  readonly channel: ConfirmChannel;
  readonly #taken = new Set<string>();

  /** @param db its search path is the schema of order-service, and its statements are not explained */
  constructor(db: Client, channel: ConfirmChannel) {
    this.#db = db;
    this.channel = channel;
  }

  async rows<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#db.query<Row>(sql, values)).rows;
  }

  /** An order of those that were filled in, which no other path has or gets. */
  async pick(condition: string): Promise<OrderRow> {
    const [order] = await this.rows<OrderRow>(
      `SELECT id, customer_id, total FROM orders WHERE ${condition} AND id <> ALL ($1) LIMIT 1`,
      [[...this.#taken]],
    );
    if (!order) throw new Error(`there is no order left where ${condition}: fill in more`);
    this.#taken.add(order.id);
    return order;
  }

  newOrder(): { orderId: string; customerId: string } {
    const orderId = uuidv7();
    this.#taken.add(orderId);
    return { orderId, customerId: uuidv7() };
  }

  async until(what: string, sql: string, values: unknown[]): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while ((await this.rows(sql, values)).length === 0) {
      if (performance.now() > deadline) throw new Error(`${what} did not happen within ${PATIENCE_MS} ms`);
      await delay(POLL_MS);
    }
  }

  /** Waits until the order has come there, and what it had to say has left the outbox. */
  async ended(orderId: string, condition: string): Promise<void> {
    await this.until(
      `order ${orderId}: ${condition}`,
      `SELECT 1 FROM orders WHERE id = $1 AND ${condition}`,
      [orderId],
    );
    await this.until('an empty outbox', `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM outbox)`, []);
  }
}

const LINES = [
  { sku: 'SKU-TEAPOT', quantity: 2 },
  { sku: 'SKU-ASSAM-250', quantity: 1 },
  { sku: 'SKU-MUG-BLUE', quantity: 4 },
];

function decide(shop: PathShop, { id, total }: OrderRow, outcome: 'approved' | 'declined'): void {
  publishDecision(shop.channel, {
    orderId: id,
    paymentId: `pay_${id.replaceAll('-', '')}`,
    outcome,
    amount: { amount: Number(total), currency: 'EUR' },
  });
}

export const PATHS: readonly Path[] = [
  {
    name: 'place, request payment',
    async take(shop) {
      const order = shop.newOrder();
      publishOrder(shop.channel, { ...order, lines: LINES, paymentToken: 'tok_never' });
      await shop.ended(order.orderId, `status = 'awaiting-payment'`);
      return 1;
    },
  },
  {
    name: 'reject',
    async take(shop) {
      const order = shop.newOrder();
      publishOrder(shop.channel, { ...order, lines: [{ sku: 'SKU-SOLD-OUT', quantity: 1 }] });
      await shop.ended(order.orderId, `status = 'rejected'`);
      return 1;
    },
  },
  {
    name: 'approved',
    async take(shop) {
      const order = await shop.pick(`status = 'awaiting-payment'`);
      decide(shop, order, 'approved');
      await shop.ended(order.id, `status = 'confirmed'`);
      return 1;
    },
  },
  {
    name: 'declined',
    async take(shop) {
      const order = await shop.pick(`status = 'awaiting-payment'`);
      decide(shop, order, 'declined');
      await shop.ended(order.id, `status = 'cancelled'`);
      return 1;
    },
  },
  {
    name: 'cancel',
    async take(shop) {
      const { id: orderId, customer_id: customerId } = await shop.pick(`status = 'awaiting-payment'`);
      publishCancellation(shop.channel, { orderId, customerId });
      await shop.ended(orderId, `status = 'cancelled'`);
      return 1;
    },
  },
  {
    name: 'cancel before the order',
    async take(shop) {
      const order = shop.newOrder();
      publishCancellation(shop.channel, order);
      await shop.ended(order.orderId, `status = 'tombstone'`);
      publishOrder(shop.channel, { ...order, lines: LINES, paymentToken: 'tok_never' });
      await shop.ended(order.orderId, `status = 'cancelled'`);
      return 1;
    },
  },
  {
    name: 'cancel too late',
    async take(shop) {
      const { id: orderId, customer_id: customerId } = await shop.pick(
        `status = 'confirmed' AND cancellation_refused_at IS NULL`,
      );
      publishCancellation(shop.channel, { orderId, customerId });
      await shop.ended(orderId, 'cancellation_refused_at IS NOT NULL');
      return 1;
    },
  },
  {
    name: 'expire',
    async take(shop) {
      const { id } = await shop.pick(`status = 'awaiting-payment'`);
      await shop.rows('UPDATE scheduled_messages SET due_at = now() WHERE key = $1 RETURNING id', [
        `order:${id}:deadline`,
      ]);
      await shop.ended(id, `status = 'cancelled'`);
      return 1;
    },
  },
  {
    name: 'refund',
    async take(shop) {
      const order = await shop.pick(`status = 'cancelled' AND refund_due_at IS NULL`);
      decide(shop, order, 'approved');
      await shop.ended(order.id, 'refunded_at IS NOT NULL');
      return 1;
    },
  },
  {
    name: 'remove tombstones',
    async take(shop) {
      const old = `status = 'tombstone' AND accepted_at < now() - interval '60 days'`;
      const marked = await shop.rows(
        `UPDATE orders SET accepted_at = now() - interval '61 days'
          WHERE id IN (SELECT id FROM orders WHERE status = 'tombstone' AND accepted_at > now() - interval '59 days' LIMIT 1)
         RETURNING id`,
      );
      if (marked.length === 0) throw new Error('there is no tombstone left: fill in more');
      const [{ count } = { count: 0 }] = await shop.rows<{ count: number }>(
        `SELECT count(*)::int AS count FROM orders WHERE ${old}`,
      );
      const job = 'orders.remove-tombstones';
      await shop.rows('UPDATE recurring_jobs SET next_run_at = now() WHERE name = $1', [job]);
      await shop.until('their removal', `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM orders WHERE ${old})`, []);
      return count;
    },
  },
];
