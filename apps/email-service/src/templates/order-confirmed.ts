import type { OrderConfirmedV1 } from '@warren/contracts';
import { facts, paragraph, type MailDocument } from './document.ts';
import { formatTime } from './formats.ts';
import { pricedLines } from './priced-lines.ts';

export function orderConfirmed(order: OrderConfirmedV1, displayName: string): MailDocument {
  return {
    subject: `Your order ${order.orderId} is confirmed`,
    heading: 'Your order is confirmed',
    blocks: [
      paragraph(`Hello ${displayName}, thank you for your order. We will deliver it at these prices.`),
      facts(['Order', order.orderId], ['Confirmed', formatTime(order.confirmedAt)]),
      pricedLines(order.lines, order.total),
    ],
  };
}
