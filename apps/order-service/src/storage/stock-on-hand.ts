import type { EntityManager } from 'typeorm';
import type { Offer } from '../domain/stock.ts';

interface OfferRow {
  sku: string;
  name: string;
  /** bigint, which pg hands over as text. */
  unit_price: string;
  currency: string;
  available: number;
}

const OFFER_COLUMNS = 'stock.sku, products.name, products.unit_price, products.currency, stock.available';

function toOffer(row: OfferRow): Offer {
  return {
    sku: row.sku,
    name: row.name,
    unitPrice: { amount: Number(row.unit_price), currency: row.currency },
    available: row.available,
  };
}

/**
 * The offers of those `skus` that exist, with their stock held still until the caller's transaction ends.
 *
 * Rows are locked one after the other in the order of their SKU, whatever the order of `skus`: two orders for the
 * same products wait for each other and never in a circle, and orders for other products don't wait at all. After
 * the wait, PostgreSQL reads the row anew, so `available` is what the last order left.
 */
export async function holdOffers(
  tx: EntityManager,
  skus: readonly string[],
): Promise<ReadonlyMap<string, Offer>> {
  const rows: OfferRow[] = await tx.query(
    `SELECT ${OFFER_COLUMNS}
       FROM stock JOIN products ON products.sku = stock.sku
      WHERE stock.sku = ANY($1::text[])
      ORDER BY stock.sku
        FOR UPDATE OF stock`,
    [skus],
  );
  return new Map(rows.map((row) => [row.sku, toOffer(row)]));
}

/** The first `limit` products in the order of their SKU, as they are at this moment; nobody waits for this. */
export async function listOffers(manager: EntityManager, limit: number): Promise<Offer[]> {
  const rows: OfferRow[] = await manager.query(
    `SELECT ${OFFER_COLUMNS}
       FROM stock JOIN products ON products.sku = stock.sku
      ORDER BY stock.sku
      LIMIT $1`,
    [limit],
  );
  return rows.map(toOffer);
}
