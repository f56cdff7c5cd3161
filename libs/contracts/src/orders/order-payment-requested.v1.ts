import { IsUUID } from 'class-validator';
import { Nested, NestedList } from '../constraints/nested.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { Money } from '../money.ts';
import { PricedLine } from './order-line.ts';
import { MAX_PAYMENT_ID_LENGTH } from './payment.ts';

@DefineEvent<OrderPaymentRequestedV1>({
  type: 'order.payment-requested.v1',
  exchange: 'orders.events',
  publishedBy: 'order-service',
  description:
    'The payment provider was asked for the payment of an order, and the order waits for its word: ' +
    'order.confirmed.v1 or order.cancelled.v1 follows.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    lines: [{ sku: 'SKU-TEAPOT', name: 'Teapot', quantity: 2, unitPrice: { amount: 2450, currency: 'EUR' } }],
    total: { amount: 4900, currency: 'EUR' },
    paymentId: 'pay_01912d68783e7a3c8a2c0c6e6f3f6a07',
    requestedAt: '2026-01-15T09:31:01.000Z',
    payBefore: '2026-01-15T09:46:01.000Z',
  },
})
export class OrderPaymentRequestedV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the event.')
  orderId!: string;

  @IsUUID()
  @Describe('Account that ordered.')
  customerId!: string;

  @NestedList(() => PricedLine, { min: 1 })
  @Describe('What was ordered, at the prices that were fixed when the order was placed.')
  lines!: PricedLine[];

  @Nested(() => Money)
  @Describe('Sum of quantity times unit price over all lines.')
  total!: Money;

  @TextLength(1, MAX_PAYMENT_ID_LENGTH)
  @Describe("The payment, by the provider's id.")
  paymentId!: string;

  @IsTimestamp()
  @Describe('When the payment was asked for (RFC 3339, UTC).')
  requestedAt!: string;

  @IsTimestamp()
  @Describe('When the order is cancelled if nothing is heard of the payment (RFC 3339, UTC).')
  payBefore!: string;
}
