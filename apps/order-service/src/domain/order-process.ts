import type { Money } from './money.ts';
import {
  awaitPayment,
  cancel,
  confirm,
  isFinal,
  oweRefund,
  refuseCancellation,
  settleRefund,
  type CancellationReason,
  type Order,
  type PlacedOrder,
  type RequestedPayment,
} from './order.ts';

/**
 * What the process does when something is heard, as a function of the order's state. Messages come more than once and
 * in any order, so each of these accepts every state: what is old news changes nothing.
 *
 * Each returns the states that the order goes through, from the next one to the last; none when nothing changes.
 */
export type Course = readonly Order[];

const NOTHING: Course = [];

/** What is heard contradicts what is known: somebody has to look at it. */
export class Contradiction extends Error {
  override readonly name = 'Contradiction';
  constructor({ orderId, status }: Order, heard: string) {
    super(`order ${orderId} is ${status}, but ${heard}`);
  }
}

/** What the payment provider tells of a payment. */
export interface PaymentNews {
  readonly paymentId: string;
  readonly outcome: 'approved' | 'declined';
  readonly amount: Money;
}

/** After an order was placed: where there is nothing to pay it is confirmed at once. */
export function whenPlaced(order: PlacedOrder, at: string): Course {
  return order.total.amount === 0 ? [confirm(order, at)] : NOTHING;
}

/** The provider has taken the request and will decide. It may have done so already, and told it before this. */
export function whenPaymentRequested(order: Order, payment: RequestedPayment): Course {
  return order.status === 'placed' ? [awaitPayment(order, payment)] : NOTHING;
}

/** The provider will not take the means of payment. */
export function whenPaymentRefused(order: Order, at: string): Course {
  return order.status === 'placed' ? [cancel(order, 'payment-declined', at)] : NOTHING;
}

/**
 * The provider has decided.
 *
 * @param payment what the order waits for from now on, should it not know of the request yet
 * @throws Contradiction when it is another payment or another amount, or when it was decided otherwise before
 */
export function whenPaymentDecided(
  order: Order,
  news: PaymentNews,
  payment: RequestedPayment,
  at: string,
): Course {
  const { paymentId, outcome, amount } = news;
  if (order.status === 'rejected') throw new Contradiction(order, `payment ${paymentId} was ${outcome}`);
  const { amount: total, currency } = order.total;
  if (amount.amount !== total || amount.currency !== currency) {
    throw new Contradiction(
      order,
      `payment ${paymentId} is of ${amount.amount} ${amount.currency} (minor units), not of ${total} ${currency}`,
    );
  }
  switch (order.status) {
    case 'placed': {
      const awaiting = awaitPayment(order, payment);
      return [awaiting, ...whenPaymentDecided(awaiting, news, payment, at)];
    }
    case 'awaiting-payment':
      assertSame(order, order.payment.paymentId, news);
      return [outcome === 'approved' ? confirm(order, at) : cancel(order, 'payment-declined', at)];
    case 'confirmed':
      assertSame(order, order.payment?.paymentId, news);
      if (outcome === 'declined') throw new Contradiction(order, `payment ${paymentId} was declined`);
      return NOTHING;
    case 'cancelled':
      if (outcome === 'declined') return NOTHING;
      if (order.refund === undefined) return [oweRefund(order, paymentId, at)];
      assertSame(order, order.refund.paymentId, news);
      return NOTHING;
  }
}

function assertSame(order: Order, known: string | undefined, { paymentId, outcome }: PaymentNews): void {
  if (known === paymentId) return;
  throw new Contradiction(
    order,
    `payment ${paymentId} was ${outcome}, and its payment is ${known ?? 'none at all'}`,
  );
}

/** The customer wants to cancel. What has been rejected or cancelled stays so; of what is confirmed it is too late. */
export function whenCustomerCancels(order: Order, at: string): Course {
  if (!isFinal(order)) return [cancel(order, 'customer', at)];
  if (order.status !== 'confirmed' || order.cancellationRefusedAt !== undefined) return NOTHING;
  return [refuseCancellation(order, at)];
}

/**
 * The time for a step has passed.
 *
 * @param step the status in which the order was to wait no longer
 */
export function whenDeadlinePasses(order: Order, step: Order['status'], at: string): Course {
  const reason: CancellationReason = 'payment-expired';
  return order.status === step && !isFinal(order) ? [cancel(order, reason, at)] : NOTHING;
}

/** The provider has refunded what came too late. */
export function whenRefunded(order: Order, at: string): Course {
  return owesRefund(order) ? [settleRefund(order, at)] : NOTHING;
}

/** Whether a payment that came too late has not gone back yet. */
export function owesRefund(order: Order): boolean {
  return order.status === 'cancelled' && order.refund !== undefined && order.refund.doneAt === undefined;
}
