import type { OrderConfirmedV1 } from '@warren/contracts';
import { facts, paragraph, type MailDocument } from './document.ts';
import { formatCount, formatMoney, formatTime } from './formats.ts';

export function orderConfirmed(order: OrderConfirmedV1, displayName: string): MailDocument {
  return {
    subject: `Your order ${order.orderId} is confirmed`,
    heading: 'Your order is confirmed',
    blocks: [
      paragraph(`Hello ${displayName}, thank you for your order. We will deliver it at these prices.`),
      facts(['Order', order.orderId], ['Confirmed', formatTime(order.confirmedAt)]),
      {
        kind: 'items',
        rows: order.lines.map(({ sku, name, quantity, unitPrice }) => ({
          name,
          detail: `${formatCount(quantity)} × ${formatMoney(unitPrice)} (${sku})`,
          amount: formatMoney({ amount: unitPrice.amount * quantity, currency: unitPrice.currency }),
        })),
        total: formatMoney(order.total),
      },
    ],
  };
}
