import type { OrderRejectedV1, OrderRejectionReason } from '@warren/contracts';
import { facts, paragraph, type MailDocument } from './document.ts';
import { formatCount, formatTime } from './formats.ts';

const REASONS: Readonly<Record<OrderRejectionReason, (sku: string) => string>> = {
  'unknown-sku': (sku) => `We have no product with the number ${sku}.`,
  'insufficient-stock': (sku) => `We do not have enough pieces of ${sku} in stock.`,
};

export function orderRejected(order: OrderRejectedV1, displayName: string): MailDocument {
  return {
    subject: `Your order ${order.orderId} could not be placed`,
    heading: 'Your order could not be placed',
    blocks: [
      paragraph(`Hello ${displayName}, we are sorry: we can not deliver what you ordered.`),
      facts(
        ['Order', order.orderId],
        ['Reason', REASONS[order.reason](order.sku)],
        ['Rejected', formatTime(order.rejectedAt)],
      ),
      {
        kind: 'items',
        rows: order.lines.map(({ sku, quantity }) => ({
          name: sku,
          detail: `${formatCount(quantity)} ${quantity === 1 ? 'piece' : 'pieces'}`,
          amount: '',
        })),
      },
      paragraph('Nothing was reserved and nothing will be charged. You are welcome to order again.'),
    ],
  };
}
