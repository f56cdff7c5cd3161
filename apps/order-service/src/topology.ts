import {
  CancelOrderV1,
  ListProductsV1,
  OrderCancellationRefusedV1,
  OrderCancelledV1,
  OrderConfirmedV1,
  OrderPaymentRefundedV1,
  OrderPaymentRequestedV1,
  OrderPlacedV1,
  OrderRejectedV1,
  PlaceOrderV1,
  RecordPaymentV1,
} from '@warren/contracts';
import { defineTopology } from '@warren/messaging';
import { ExpireOrderV1 } from './commands/expire-order.v1.ts';
import { RefundPaymentV1 } from './commands/refund-payment.v1.ts';
import { RequestPaymentV1 } from './commands/request-payment.v1.ts';

const RETRY = { retryDelays: ['5s', '30s', '5m', '30m'] };

const PAYMENTS = 16;
const REFUNDS = 4;

/** Calls to the payment provider that are on their way at the same time. */
export const CONCURRENT_CALLS = PAYMENTS + REFUNDS;

export const topology = defineTopology({
  service: 'order-service',
  exchanges: ['orders.commands', 'orders.events', 'order-service.process'],
  publishes: [
    OrderPlacedV1,
    OrderRejectedV1,
    OrderPaymentRequestedV1,
    OrderConfirmedV1,
    OrderCancelledV1,
    OrderCancellationRefusedV1,
    OrderPaymentRefundedV1,
    RequestPaymentV1,
    RefundPaymentV1,
    ExpireOrderV1,
  ],
  consumes: [
    { queue: 'commands', handles: [PlaceOrderV1, CancelOrderV1], concurrency: 16, ...RETRY },
    // Apart from the orders: what was paid in time must not come after its deadline because of a burst of orders.
    { queue: 'payment-results', handles: [RecordPaymentV1], concurrency: 16, ...RETRY },
    // Apart from the rest, and from each other: a queue pauses while its part of the payment provider is away.
    { queue: 'payments', handles: [RequestPaymentV1], concurrency: PAYMENTS, ...RETRY },
    { queue: 'refunds', handles: [RefundPaymentV1], concurrency: REFUNDS, ...RETRY },
    { queue: 'deadlines', handles: [ExpireOrderV1], concurrency: 8, ...RETRY },
  ],
  // A queue of its own, so that somebody who looks at the catalogue doesn't stand behind a burst of orders.
  answers: [{ queue: 'queries', handles: [ListProductsV1], concurrency: 8 }],
});
