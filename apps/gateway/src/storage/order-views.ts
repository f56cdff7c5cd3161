import type { CancellationRefusal } from '@warren/contracts';
import type { EntityManager } from 'typeorm';

/**
 * What the gateway knows of orders: one row for each order with its state, and one for each thing that happened to
 * it. Written by what the gateway accepts and by the events of order-service, in whatever order they come.
 *
 * Some events change nothing but the version of an order. Only its history tells of them, so that they need no state
 * to be known: the version of an order is that of its history, and the row has that of its state.
 */

/** What the gateway itself notes in the history of an order, with version 0. */
export const ORDER_ACCEPTED = 'order.accepted';
export const CANCELLATION_REQUESTED = 'order.cancellation-requested';

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

/** What became of a customer's wish to cancel an order, as long as the order is not cancelled. */
export type CancellationView =
  | { status: 'requested'; requestedAt: string }
  | { status: 'refused'; reason: CancellationRefusal; refusedAt: string };

export interface OrderView {
  id: string;
  status: OrderStatus;
  /** Why it was rejected or cancelled. */
  reason: string | null;
  /** Null when nobody wants it cancelled, and when it was cancelled or rejected. */
  cancellation: CancellationView | null;
  lines: OrderLineView[];
  /** Null until the order is placed. */
  total: MoneyView | null;
  /** Version of the order after the latest thing known of it; 0 when it was only accepted. */
  version: number;
  /** From the first to the latest. */
  history: { type: string; at: string }[];
}

/** Something that happened to an order, as an event tells it. */
export interface OrderHappening {
  orderId: string;
  /** Version of the order after it. */
  version: number;
  /** Type of the event, for example order.placed.v1. */
  type: string;
  at: string;
}

/** Something that happened to an order and leaves its state as it is. */
export interface NotedHappening extends OrderHappening {
  reason?: string;
}

/** A change of the state of an order that an event tells of. */
export interface OrderChange extends OrderHappening {
  customerId: string;
  status: OrderStatus;
  reason?: string;
  lines: readonly OrderLineView[];
  total?: MoneyView;
}

/** Writes down what leaves the state of an order as it is, also when no state is known yet. */
export async function noteOrderHappening(
  tx: EntityManager,
  { orderId, version, type, at, reason }: NotedHappening,
): Promise<void> {
  await tx.query(
    `INSERT INTO order_history (order_id, version, type, at, reason) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT DO NOTHING`,
    [orderId, version, type, at, reason ?? null],
  );
}

/**
 * Writes what an event tells: the thing that happened always, the state only if it is newer than the one known.
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
