import { IsUUID } from 'class-validator';
import { Nested } from '../constraints/nested.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { Money } from '../money.ts';
import { MAX_PAYMENT_ID_LENGTH } from './payment.ts';

@DefineEvent<OrderPaymentRefundedV1>({
  type: 'order.payment-refunded.v1',
  exchange: 'orders.events',
  publishedBy: 'order-service',
  description:
    'The payment of an order came after the order was cancelled, and the provider has refunded it. The ' +
    'order stays cancelled.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    paymentId: 'pay_01912d68783e7a3c8a2c0c6e6f3f6a07',
    amount: { amount: 4900, currency: 'EUR' },
    refundedAt: '2026-01-15T09:50:00.000Z',
  },
})
export class OrderPaymentRefundedV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the event.')
  orderId!: string;

  @IsUUID()
  @Describe('Account that ordered.')
  customerId!: string;

  @TextLength(1, MAX_PAYMENT_ID_LENGTH)
  @Describe("The payment, by the provider's id.")
  paymentId!: string;

  @Nested(() => Money)
  @Describe('What is paid back.')
  amount!: Money;

  @IsTimestamp()
  @Describe('When the provider took the refund (RFC 3339, UTC).')
  refundedAt!: string;
}
