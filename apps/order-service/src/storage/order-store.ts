import type { EntityManager } from 'typeorm';
import type { CancellationReason, Order, OrderWithStock, PlacedOrder, PricedLine } from '../domain/order.ts';
import type { Rejection } from '../domain/rejection.ts';
import { demandOf, type RequestedLine } from '../domain/stock.ts';

/** One statement, because every round trip is time during which other orders wait for the same stock. */
const STORE_ORDER = `
  WITH stored AS (
    INSERT INTO orders (id, customer_id, status, version, total, currency, rejection_reason, rejection_sku,
                        accepted_at, placed_at, confirmed_at, rejected_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
  ), lines AS (
    INSERT INTO order_lines (order_id, position, sku, quantity, name, unit_price)
    SELECT stored.id, line.position, line.sku, line.quantity, line.name, line.unit_price
      FROM stored,
           unnest($13::text[], $14::integer[], $15::text[], $16::bigint[])
             WITH ORDINALITY AS line (sku, quantity, name, unit_price, position)
  ), taken AS (
    UPDATE stock
       SET available = stock.available - demand.quantity
      FROM stored, unnest($17::text[], $18::integer[]) AS demand (sku, quantity)
     WHERE stock.sku = demand.sku
  ), kept AS (
    INSERT INTO payment_tokens (order_id, token) SELECT id, $19::text FROM stored WHERE $19::text IS NOT NULL
  )
  SELECT id FROM stored`;

/** The row of an order in the state that it has come to. */
const SAVE_ORDER = `
  WITH forgotten AS (
    DELETE FROM payment_tokens WHERE order_id = $1 AND $2::text <> 'placed'
  )
  UPDATE orders
     SET status = $2, version = $3, payment_id = $4, payment_requested_at = $5, pay_before = $6, confirmed_at = $7,
         cancellation_refused_at = $8, cancelled_at = $9, cancellation_reason = $10, refund_payment_id = $11,
         refund_due_at = $12, refunded_at = $13
   WHERE id = $1`;

/** Rows are locked in the order of their SKU, as by whoever takes stock, so that nobody waits in a circle. */
const GIVE_BACK_STOCK = `
  WITH demand AS (
    SELECT * FROM unnest($1::text[], $2::integer[]) AS demand (sku, quantity)
  ), held AS MATERIALIZED (
    SELECT sku FROM stock WHERE sku = ANY($1::text[]) ORDER BY sku FOR UPDATE
  )
  UPDATE stock
     SET available = stock.available + demand.quantity
    FROM held JOIN demand USING (sku)
   WHERE stock.sku = held.sku
  RETURNING stock.sku`;

const ORDER = `
  o.*,
  (SELECT json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity, 'name', l.name,
                                     'unitPrice', l.unit_price) ORDER BY l.position)
     FROM order_lines l WHERE l.order_id = o.id) AS lines`;

const LOAD_ORDER = `SELECT ${ORDER} FROM orders o WHERE o.id = $1`;

const LOAD_PAYABLE = `
  SELECT ${ORDER}, (SELECT t.token FROM payment_tokens t WHERE t.order_id = o.id) AS token
    FROM orders o
   WHERE o.id = $1 AND o.status = 'placed'`;

const NO_DEMAND: ReadonlyMap<string, number> = new Map();

/**
 * Stores an order in its first state, or in the one that it came to at once, and takes its stock unless it was
 * rejected.
 *
 * @param paymentToken kept as long as the order is placed
 * @returns false when a row of that id is stored already; then nothing was written and nothing taken.
 */
export async function storeOrder(tx: EntityManager, order: Order, paymentToken?: string): Promise<boolean> {
  const priced = order.status === 'rejected' ? undefined : order;
  const rejected = order.status === 'rejected' ? order : undefined;
  const lines: readonly (RequestedLine & Partial<PricedLine>)[] = order.lines;
  const demand = priced ? demandOf(priced.lines) : NO_DEMAND;

  const stored: unknown[] = await tx.query(STORE_ORDER, [
    order.orderId,
    order.customerId,
    order.status,
    order.version,
    priced?.total.amount,
    priced?.total.currency,
    rejected?.rejection.reason,
    rejected?.rejection.sku,
    order.acceptedAt,
    priced?.placedAt,
    order.status === 'confirmed' ? order.confirmedAt : undefined,
    rejected?.rejectedAt,
    lines.map((line) => line.sku),
    lines.map((line) => line.quantity),
    lines.map((line) => line.name ?? null),
    lines.map((line) => line.unitPrice?.amount ?? null),
    [...demand.keys()],
    [...demand.values()],
    order.status === 'placed' ? paymentToken : undefined,
  ]);
  return stored.length > 0;
}

/** Writes the state that an order has come to; its token goes with the state "placed". The row is locked by `tx`. */
export async function saveOrder(tx: EntityManager, order: OrderWithStock): Promise<void> {
  const payment = order.status === 'placed' ? undefined : order.payment;
  const confirmed = order.status === 'confirmed' ? order : undefined;
  const cancelled = order.status === 'cancelled' ? order : undefined;
  await tx.query(SAVE_ORDER, [
    order.orderId,
    order.status,
    order.version,
    payment?.paymentId,
    payment?.requestedAt,
    payment?.payBefore,
    confirmed?.confirmedAt,
    confirmed?.cancellationRefusedAt,
    cancelled?.cancelledAt,
    cancelled?.reason,
    cancelled?.refund?.paymentId,
    cancelled?.refund?.dueAt,
    cancelled?.refund?.doneAt,
  ]);
}

/** Puts back what an order had taken. */
export async function giveBackStock(tx: EntityManager, { orderId, lines }: OrderWithStock): Promise<void> {
  const demand = demandOf(lines);
  const [given] = (await tx.query(GIVE_BACK_STOCK, [[...demand.keys()], [...demand.values()]])) as [
    unknown[],
  ];
  if (given.length !== demand.size) {
    throw new Error(
      `order ${orderId} has pieces to give back for which there is no row in "stock": ${[...demand.keys()].join(', ')}`,
    );
  }
}

/** A cancellation that came before its order. */
export interface Tombstone {
  readonly status: 'tombstone';
  readonly customerId: string;
}

interface OrderRow {
  id: string;
  customer_id: string;
  status: Order['status'] | 'tombstone';
  version: number;
  /** bigint, which pg hands over as text. */
  total: string | null;
  currency: string | null;
  rejection_reason: Rejection['reason'] | null;
  rejection_sku: string | null;
  accepted_at: Date;
  placed_at: Date | null;
  confirmed_at: Date | null;
  rejected_at: Date | null;
  payment_id: string | null;
  payment_requested_at: Date | null;
  pay_before: Date | null;
  cancelled_at: Date | null;
  cancellation_reason: CancellationReason | null;
  cancellation_refused_at: Date | null;
  refund_payment_id: string | null;
  refund_due_at: Date | null;
  refunded_at: Date | null;
  lines: { sku: string; quantity: number; name: string; unitPrice: number }[] | null;
}

/**
 * An order with its row held still until `tx` ends.
 *
 * @returns undefined when there is no row, or when there is one no more after the wait for it
 */
export async function holdOrder(tx: EntityManager, orderId: string): Promise<Order | Tombstone | undefined> {
  const [row] = (await tx.query(`${LOAD_ORDER} FOR UPDATE OF o`, [orderId])) as OrderRow[];
  return row && toOrder(row);
}

/** An order as it is at this moment; nobody waits for this. */
export async function findOrder(
  manager: EntityManager,
  orderId: string,
): Promise<Order | Tombstone | undefined> {
  const [row] = (await manager.query(LOAD_ORDER, [orderId])) as OrderRow[];
  return row && toOrder(row);
}

/** A placed order with what it is to be paid with, if it came with anything. */
export interface PayableOrder {
  readonly order: PlacedOrder;
  readonly paymentToken: string | undefined;
}

/**
 * By one statement: between two, the order could move on and lose its token, and would look like one that came
 * without.
 *
 * @returns undefined unless the order is placed
 */
export async function findPayable(
  manager: EntityManager,
  orderId: string,
): Promise<PayableOrder | undefined> {
  const [row] = (await manager.query(LOAD_PAYABLE, [orderId])) as (OrderRow & { token: string | null })[];
  const order = row && toOrder(row);
  return order?.status === 'placed' ? { order, paymentToken: row!.token ?? undefined } : undefined;
}

/**
 * Keeps a cancellation until its order comes. Waits for whoever stores a row of that id at this moment.
 *
 * @returns false when there is a row already
 */
export async function leaveTombstone(
  tx: EntityManager,
  orderId: string,
  customerId: string,
  requestedAt: string,
): Promise<boolean> {
  const stored: unknown[] = await tx.query(
    `INSERT INTO orders (id, customer_id, status, version, accepted_at) VALUES ($1, $2, 'tombstone', 0, $3)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [orderId, customerId, requestedAt],
  );
  return stored.length > 0;
}

/** @returns undefined when there is no tombstone, but an order or nothing */
export async function takeTombstone(tx: EntityManager, orderId: string): Promise<Tombstone | undefined> {
  const [taken] = (await tx.query(
    `DELETE FROM orders WHERE id = $1 AND status = 'tombstone' RETURNING customer_id`,
    [orderId],
  )) as [{ customer_id: string }[]];
  return taken[0] && { status: 'tombstone', customerId: taken[0].customer_id };
}

/** Removes up to `limit` tombstones that are older than `days`, found by the two times that they alone lack. */
export async function removeTombstones(tx: EntityManager, days: number, limit: number): Promise<number> {
  const [, removed] = (await tx.query(
    `DELETE FROM orders WHERE id = ANY (ARRAY (
       SELECT id FROM orders
        WHERE placed_at IS NULL AND rejected_at IS NULL AND accepted_at < now() - make_interval(days => $1)
        ORDER BY accepted_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    [days, limit],
  )) as [unknown, number];
  return removed;
}

const iso = (at: Date | null): string => at!.toISOString();

function toOrder(row: OrderRow): Order | Tombstone {
  const customerId = row.customer_id;
  if (row.status === 'tombstone') return { status: row.status, customerId };
  const base = { orderId: row.id, customerId, acceptedAt: iso(row.accepted_at), version: row.version };
  if (row.status === 'rejected') {
    return {
      ...base,
      status: row.status,
      lines: row.lines!.map(({ sku, quantity }) => ({ sku, quantity })),
      rejection: { reason: row.rejection_reason!, sku: row.rejection_sku! },
      rejectedAt: iso(row.rejected_at),
    };
  }
  const currency = row.currency!;
  const priced = {
    ...base,
    lines: row.lines!.map(({ unitPrice, ...line }) => ({
      ...line,
      unitPrice: { amount: unitPrice, currency },
    })),
    total: { amount: Number(row.total), currency },
    placedAt: iso(row.placed_at),
  };
  if (row.status === 'placed') return { ...priced, status: row.status };
  const payment =
    row.payment_id === null
      ? undefined
      : {
          paymentId: row.payment_id,
          requestedAt: iso(row.payment_requested_at),
          payBefore: iso(row.pay_before),
        };
  switch (row.status) {
    case 'awaiting-payment':
      return { ...priced, status: row.status, payment: payment! };
    case 'confirmed':
      return {
        ...priced,
        status: row.status,
        ...(payment && { payment }),
        confirmedAt: iso(row.confirmed_at),
        ...(row.cancellation_refused_at && { cancellationRefusedAt: iso(row.cancellation_refused_at) }),
      };
    case 'cancelled':
      return {
        ...priced,
        status: row.status,
        ...(payment && { payment }),
        reason: row.cancellation_reason!,
        cancelledAt: iso(row.cancelled_at),
        ...(row.refund_payment_id !== null && {
          refund: {
            paymentId: row.refund_payment_id,
            dueAt: iso(row.refund_due_at),
            ...(row.refunded_at && { doneAt: iso(row.refunded_at) }),
          },
        }),
      };
  }
}
