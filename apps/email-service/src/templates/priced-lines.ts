import type { Money, PricedLine } from '@warren/contracts';
import type { Items } from './document.ts';
import { formatCount, formatMoney } from './formats.ts';

/** What was ordered, with what each line costs and all of them together. */
export function pricedLines(lines: readonly PricedLine[], total: Money): Items {
  return {
    kind: 'items',
    rows: lines.map(({ sku, name, quantity, unitPrice }) => ({
      name,
      detail: `${formatCount(quantity)} × ${formatMoney(unitPrice)} (${sku})`,
      amount: formatMoney({ amount: unitPrice.amount * quantity, currency: unitPrice.currency }),
    })),
    total: formatMoney(total),
  };
}
