import {
  CancelOrderV1,
  FileProcessedV1,
  FileRejectedV1,
  FileUploadedV1,
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
  UserRegisteredV1,
} from '@warren/contracts';
import { defineTopology } from '@warren/messaging';

export const topology = defineTopology({
  service: 'gateway',
  exchanges: ['users.events', 'files.events'],
  publishes: [UserRegisteredV1, PlaceOrderV1, CancelOrderV1, RecordPaymentV1, FileUploadedV1],
  consumes: [
    {
      queue: 'order-view',
      handles: [
        OrderPlacedV1,
        OrderPaymentRequestedV1,
        OrderConfirmedV1,
        OrderRejectedV1,
        OrderCancelledV1,
        OrderCancellationRefusedV1,
        OrderPaymentRefundedV1,
      ],
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
