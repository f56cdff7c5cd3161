import { demandOf, type Offer, type RequestedLine } from './stock.ts';

export interface Rejection {
  readonly reason: 'unknown-sku' | 'insufficient-stock';
  /** The first SKU of the order that the reason holds for. */
  readonly sku: string;
}

/**
 * Why an order can't be placed, if it can't. A SKU that doesn't exist weighs more than too little stock: the
 * customer can't mend the first by waiting.
 */
export function findRejection(
  lines: readonly RequestedLine[],
  offers: ReadonlyMap<string, Offer>,
): Rejection | undefined {
  const unknown = lines.find(({ sku }) => !offers.has(sku));
  if (unknown) return { reason: 'unknown-sku', sku: unknown.sku };
  for (const [sku, quantity] of demandOf(lines)) {
    if (offers.get(sku)!.available < quantity) return { reason: 'insufficient-stock', sku };
  }
  return undefined;
}
