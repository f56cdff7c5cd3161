import type { EntityManager } from 'typeorm';

/**
 * What the gateway knows of orders: one row for each order with its state, and one for each thing that happened to
 * it. Written by the acceptance of an order and by the events of order-service, in whatever order they come.
 */

export type OrderStatus = 'accepted' | 'placed' | 'awaiting-payment' | 'confirmed' | 'rejected' | 'cancelled';

export interface MoneyView {
  /** In minor units. */
  amount: number;
  currency: string;
}

export interface OrderLineView {
  sku: string;
  quantity: number;
  /** Absent as long as the order is not placed. */
  name?: string;
  unitPrice?: MoneyView;
}

export interface OrderView {
  id: string;
  status: OrderStatus;
  /** Why it was rejected or cancelled. */
  reason: string | null;
  lines: OrderLineView[];
  /** Null until the order is placed. */
  total: MoneyView | null;
  /** Version of the order after the latest thing known of it; 0 when it was only accepted. */
  version: number;
  /** From the first to the latest. */
  history: { type: string; at: string }[];
}

/** A change of an order that an event tells of. */
export interface OrderChange {
  orderId: string;
  customerId: string;
  status: OrderStatus;
  reason?: string;
  lines: readonly OrderLineView[];
  total?: MoneyView;
  /** Version of the order after the change. */
  version: number;
  /** Type of the event, for example order.placed.v1. */
  type: string;
  at: string;
}

/**
 * Writes what an event tells: the thing that happened always, the state only if it is newer than what is known.
 * The row is made when it is missing, since events carry all that it holds.
 */
export async function applyOrderChange(tx: EntityManager, change: OrderChange): Promise<void> {
  await tx.query(
    `WITH happened AS (
       INSERT INTO order_history (order_id, version, type, at) VALUES ($1, $7, $8, $9) ON CONFLICT DO NOTHING
     )
     INSERT INTO order_views AS v (id, customer_id, status, reason, lines, total, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (id) DO UPDATE
        SET status = excluded.status, reason = excluded.reason, lines = excluded.lines, total = excluded.total,
            version = excluded.version
      WHERE v.version < excluded.version`,
    [
      change.orderId,
      change.customerId,
      change.status,
      change.reason ?? null,
      JSON.stringify(change.lines),
      change.total ? JSON.stringify(change.total) : null,
      change.version,
      change.type,
      change.at,
    ],
  );
}
