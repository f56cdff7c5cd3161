import type { OrderCancellationReason, OrderCancelledV1 } from '@warren/contracts';
import { facts, paragraph, type MailDocument } from './document.ts';
import { formatTime } from './formats.ts';
import { pricedLines } from './priced-lines.ts';

interface Words {
  readonly greeting: (displayName: string) => string;
  readonly reason: string;
  readonly end: string;
}

const REFUND = 'Should a payment for it arrive all the same, it is refunded in full.';

const WORDS: Readonly<Record<OrderCancellationReason, Words>> = {
  'payment-declined': {
    greeting: (name) => `Hello ${name}, we are sorry: your order was not paid, so we have cancelled it.`,
    reason: 'Your payment was declined.',
    end: 'Nothing is charged. You are welcome to order again and pay in another way.',
  },
  'payment-expired': {
    greeting: (name) =>
      `Hello ${name}, we are sorry: your order was not paid in time, so we have cancelled it.`,
    reason: 'We heard nothing of your payment for too long.',
    end: `Nothing is charged. ${REFUND} You are welcome to order again.`,
  },
  customer: {
    greeting: (name) => `Hello ${name}, your order is cancelled, as you asked.`,
    reason: 'You cancelled it.',
    end: `Nothing is charged. ${REFUND}`,
  },
};

export function orderCancelled(order: OrderCancelledV1, displayName: string): MailDocument {
  const { greeting, reason, end } = WORDS[order.reason];
  return {
    subject: `Your order ${order.orderId} is cancelled`,
    heading: 'Your order is cancelled',
    blocks: [
      paragraph(greeting(displayName)),
      facts(['Order', order.orderId], ['Reason', reason], ['Cancelled', formatTime(order.cancelledAt)]),
      pricedLines(order.lines, order.total),
      paragraph(end),
    ],
  };
}
