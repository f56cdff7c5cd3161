import {
  ListProductsV1,
  OrderConfirmedV1,
  OrderPlacedV1,
  OrderRejectedV1,
  PlaceOrderV1,
} from '@warren/contracts';
import { defineTopology } from '@warren/messaging';

export const topology = defineTopology({
  service: 'order-service',
  exchanges: ['orders.commands', 'orders.events'],
  publishes: [OrderPlacedV1, OrderConfirmedV1, OrderRejectedV1],
  consumes: [
    { queue: 'commands', handles: [PlaceOrderV1], concurrency: 16, retryDelays: ['5s', '30s', '5m', '30m'] },
  ],
  // A queue of its own, so that somebody who looks at the catalogue doesn't stand behind a burst of orders.
  answers: [{ queue: 'queries', handles: [ListProductsV1], concurrency: 8 }],
});
