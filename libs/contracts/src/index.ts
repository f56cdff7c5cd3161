export {
  contractOf,
  DefineCommand,
  DefineEvent,
  DefineReply,
  DefineRequest,
  type Contract,
  type ContractKind,
  type DataClass,
} from './define-event.ts';
export {
  createEnvelope,
  ENVELOPE_CONTENT_TYPE,
  formatSequence,
  MalformedEnvelope,
  parseEnvelope,
  parseSequence,
  type EnvelopeParts,
  type EventEnvelope,
} from './envelope.ts';
export { envelopeSchemaOf } from './envelope-schema.ts';
export { Describe, descriptionOf, type DescribeOptions, type FieldDescription } from './describe.ts';
export {
  Nested,
  NestedList,
  NestedUnion,
  NestedUnionList,
  type ListOptions,
  type UnionOptions,
} from './constraints/nested.ts';
export { MayBeAbsent, MayBeNull } from './constraints/presence.ts';
export { IsHttpUrl, IsMailAddress, IsTimestamp } from './constraints/text-formats.ts';
export { TextLength } from './constraints/text-length.ts';
export { UniqueItems } from './constraints/unique-items.ts';
export { dataSchemaOf, type DataSchema } from './json-schema.ts';
export type { JsonType, Scalar, Schema } from './schema/keywords.ts';
export {
  assertData,
  InvalidData,
  prepareValidation,
  validateData,
  validateInstance,
  type DataViolation,
} from './validate-data.ts';
export { allContracts } from './registry.ts';
export { Money } from './money.ts';
export { EmailFailedV1 } from './emails/email-failed.v1.ts';
export { EmailSentV1 } from './emails/email-sent.v1.ts';
export { MAIL_TEMPLATES, type MailTemplate } from './emails/mail-template.ts';
export { Derivative, FileProcessedV1, FileResult } from './files/file-processed.v1.ts';
export {
  FILE_REJECTION_REASONS,
  FileRejectedV1,
  type FileRejectionReason,
} from './files/file-rejected.v1.ts';
export { FileUploadedV1 } from './files/file-uploaded.v1.ts';
export { CancelOrderV1 } from './orders/cancel-order.v1.ts';
export { ListProductsV1, Product, ProductListV1 } from './orders/list-products.v1.ts';
export {
  CANCELLATION_REFUSALS,
  OrderCancellationRefusedV1,
  type CancellationRefusal,
} from './orders/order-cancellation-refused.v1.ts';
export {
  ORDER_CANCELLATION_REASONS,
  OrderCancelledV1,
  type OrderCancellationReason,
} from './orders/order-cancelled.v1.ts';
export { OrderConfirmedV1 } from './orders/order-confirmed.v1.ts';
export {
  MAX_LINE_QUANTITY,
  MAX_ORDER_LINES,
  PricedLine,
  RequestedLine,
  SKU_PATTERN,
} from './orders/order-line.ts';
export { OrderPaymentRefundedV1 } from './orders/order-payment-refunded.v1.ts';
export { OrderPaymentRequestedV1 } from './orders/order-payment-requested.v1.ts';
export { OrderPlacedV1 } from './orders/order-placed.v1.ts';
export {
  ORDER_REJECTION_REASONS,
  OrderRejectedV1,
  type OrderRejectionReason,
} from './orders/order-rejected.v1.ts';
export { MAX_PAYMENT_ID_LENGTH, MAX_PAYMENT_TOKEN_LENGTH, PAYMENT_TOKEN_PATTERN } from './orders/payment.ts';
export { PlaceOrderV1 } from './orders/place-order.v1.ts';
export { PAYMENT_OUTCOMES, RecordPaymentV1, type PaymentOutcome } from './orders/record-payment.v1.ts';
export { UserRegisteredV1 } from './users/user-registered.v1.ts';
