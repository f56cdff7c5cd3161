import {
  OrderCancellationRefusedV1,
  OrderCancelledV1,
  OrderConfirmedV1,
  OrderPaymentRefundedV1,
  OrderPaymentRequestedV1,
  OrderPlacedV1,
  OrderRejectedV1,
  type PricedLine,
} from '@warren/contracts';
import { newMessage, type TypedMessage } from '@warren/messaging';
import type {
  AwaitingOrder,
  CancelledOrder,
  ConfirmedOrder,
  Order,
  OrderWithStock,
  PlacedOrder,
  RejectedOrder,
} from '../domain/order.ts';

/** What others are told of an order that has come from one state to the next; undefined: nothing, yet. */
export function announcementOf(before: Order | undefined, after: Order): TypedMessage | undefined {
  if (before?.version === after.version) return undefined;
  switch (after.status) {
    case 'placed':
      return placed(after);
    case 'rejected':
      return rejected(after);
    case 'awaiting-payment':
      return paymentRequested(after);
    case 'confirmed':
      return after.cancellationRefusedAt === undefined
        ? confirmed(after)
        : cancellationRefused(after, after.cancellationRefusedAt);
    case 'cancelled':
      return after.refund?.doneAt === undefined
        ? cancelled(after)
        : refunded(after, after.refund.paymentId, after.refund.doneAt);
  }
}

const about = ({ orderId, version }: Order) => ({ subject: orderId, sequence: version });
const whose = ({ orderId, customerId }: Order) => ({ orderId, customerId });
const bill = (order: OrderWithStock): { lines: PricedLine[]; total: OrderWithStock['total'] } => ({
  lines: [...order.lines],
  total: order.total,
});

function placed(order: PlacedOrder): TypedMessage {
  return newMessage(OrderPlacedV1, {
    ...about(order),
    data: { ...whose(order), ...bill(order), placedAt: order.placedAt },
  });
}

function rejected(order: RejectedOrder): TypedMessage {
  const { lines, rejection, rejectedAt } = order;
  return newMessage(OrderRejectedV1, {
    ...about(order),
    data: {
      ...whose(order),
      lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
      ...rejection,
      rejectedAt,
    },
  });
}

function paymentRequested(order: AwaitingOrder): TypedMessage {
  return newMessage(OrderPaymentRequestedV1, {
    ...about(order),
    data: { ...whose(order), ...bill(order), ...order.payment },
  });
}

function confirmed(order: ConfirmedOrder): TypedMessage {
  const { payment, confirmedAt } = order;
  return newMessage(OrderConfirmedV1, {
    ...about(order),
    data: {
      ...whose(order),
      ...bill(order),
      ...(payment && { paymentId: payment.paymentId }),
      confirmedAt,
    },
  });
}

function cancelled(order: CancelledOrder): TypedMessage {
  const { reason, cancelledAt } = order;
  return newMessage(OrderCancelledV1, {
    ...about(order),
    data: { ...whose(order), ...bill(order), reason, cancelledAt },
  });
}

function cancellationRefused(order: ConfirmedOrder, refusedAt: string): TypedMessage {
  return newMessage(OrderCancellationRefusedV1, {
    ...about(order),
    data: { ...whose(order), reason: 'already-confirmed', refusedAt },
  });
}

function refunded(order: CancelledOrder, paymentId: string, refundedAt: string): TypedMessage {
  return newMessage(OrderPaymentRefundedV1, {
    ...about(order),
    data: { ...whose(order), paymentId, amount: order.total, refundedAt },
  });
}
