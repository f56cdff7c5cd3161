import type { Money } from './money.ts';

/** A product as it is offered at one moment. */
export interface Offer {
  readonly sku: string;
  readonly name: string;
  /** Price of one piece. */
  readonly unitPrice: Money;
  /** Pieces in stock. */
  readonly available: number;
}

export interface RequestedLine {
  readonly sku: string;
  /** Pieces, at least 1. */
  readonly quantity: number;
}

/** Pieces of each SKU that `lines` need together, in the order in which the SKUs first appear. */
export function demandOf(lines: readonly RequestedLine[]): Map<string, number> {
  const demand = new Map<string, number>();
  for (const { sku, quantity } of lines) demand.set(sku, (demand.get(sku) ?? 0) + quantity);
  return demand;
}
