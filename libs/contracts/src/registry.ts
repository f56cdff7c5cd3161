import { contractOf, type Contract, type DataClass } from './define-event.ts';
import { EmailFailedV1 } from './emails/email-failed.v1.ts';
import { EmailSentV1 } from './emails/email-sent.v1.ts';
import { FileProcessedV1 } from './files/file-processed.v1.ts';
import { FileRejectedV1 } from './files/file-rejected.v1.ts';
import { FileUploadedV1 } from './files/file-uploaded.v1.ts';
import { ListProductsV1, ProductListV1 } from './orders/list-products.v1.ts';
import { CancelOrderV1 } from './orders/cancel-order.v1.ts';
import { OrderCancellationRefusedV1 } from './orders/order-cancellation-refused.v1.ts';
import { OrderCancelledV1 } from './orders/order-cancelled.v1.ts';
import { OrderConfirmedV1 } from './orders/order-confirmed.v1.ts';
import { OrderPaymentRefundedV1 } from './orders/order-payment-refunded.v1.ts';
import { OrderPaymentRequestedV1 } from './orders/order-payment-requested.v1.ts';
import { OrderPlacedV1 } from './orders/order-placed.v1.ts';
import { OrderRejectedV1 } from './orders/order-rejected.v1.ts';
import { PlaceOrderV1 } from './orders/place-order.v1.ts';
import { RecordPaymentV1 } from './orders/record-payment.v1.ts';
import { assertDescribed } from './schema/assert-described.ts';
import { UserRegisteredV1 } from './users/user-registered.v1.ts';

const published: readonly DataClass[] = [
  UserRegisteredV1,
  PlaceOrderV1,
  OrderPlacedV1,
  OrderRejectedV1,
  OrderPaymentRequestedV1,
  RecordPaymentV1,
  OrderConfirmedV1,
  CancelOrderV1,
  OrderCancelledV1,
  OrderCancellationRefusedV1,
  OrderPaymentRefundedV1,
  ListProductsV1,
  ProductListV1,
  FileUploadedV1,
  FileProcessedV1,
  FileRejectedV1,
  EmailSentV1,
  EmailFailedV1,
];

/**
 * Every message type that others may build on, in the order of the flows. Each of their fields is described, or this
 * file can't be loaded.
 */
export const allContracts: readonly Contract[] = published.map((dataClass) => {
  assertDescribed(dataClass);
  return contractOf(dataClass);
});
