import type { EntityManager } from 'typeorm';
import type { Order, PricedLine } from '../domain/order.ts';
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
  )
  SELECT id FROM stored`;

const NO_DEMAND: ReadonlyMap<string, number> = new Map();

/**
 * Stores an order in its first state and takes its stock, unless it was rejected.
 *
 * @returns false when an order of that id is stored already; then nothing was written and nothing taken.
 */
export async function storeOrder(tx: EntityManager, order: Order): Promise<boolean> {
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
  ]);
  return stored.length > 0;
}
