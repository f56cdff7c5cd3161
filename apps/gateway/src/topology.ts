import {
  FileProcessedV1,
  FileRejectedV1,
  FileUploadedV1,
  ListProductsV1,
  OrderConfirmedV1,
  OrderPlacedV1,
  OrderRejectedV1,
  PlaceOrderV1,
  UserRegisteredV1,
} from '@warren/contracts';
import { defineTopology } from '@warren/messaging';

export const topology = defineTopology({
  service: 'gateway',
  exchanges: ['users.events', 'files.events'],
  publishes: [UserRegisteredV1, PlaceOrderV1, FileUploadedV1],
  consumes: [
    {
      queue: 'order-view',
      handles: [OrderPlacedV1, OrderConfirmedV1, OrderRejectedV1],
      concurrency: 16,
      retryDelays: ['5s', '30s', '5m', '30m'],
    },
    {
      queue: 'file-view',
      handles: [FileProcessedV1, FileRejectedV1],
      concurrency: 8,
      retryDelays: ['5s', '30s', '5m', '30m'],
    },
  ],
  asks: [ListProductsV1],
});
