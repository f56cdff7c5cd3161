import { IsIn, IsUUID } from 'class-validator';
import { Nested } from '../constraints/nested.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineCommand } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { Money } from '../money.ts';
import { MAX_PAYMENT_ID_LENGTH } from './payment.ts';

/** What a payment provider tells of a payment: a closed list. */
export const PAYMENT_OUTCOMES = ['approved', 'declined'] as const;
export type PaymentOutcome = (typeof PAYMENT_OUTCOMES)[number];

@DefineCommand<RecordPaymentV1>({
  type: 'order.record-payment.v1',
  exchange: 'orders.commands',
  publishedBy: 'gateway',
  owner: 'order-service',
  description:
    'The payment provider has told, by a signed callback, what became of the payment of an order. Answered by ' +
    'order.confirmed.v1 or order.cancelled.v1; by order.payment-refunded.v1 when an approval comes too late.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    paymentId: 'pay_01912d68783e7a3c8a2c0c6e6f3f6a07',
    outcome: 'approved',
    amount: { amount: 4900, currency: 'EUR' },
    callbackId: 'evt_01912d68783e7a3c8a2c0c6e6f3f6a08',
    occurredAt: '2026-01-15T09:31:02.000Z',
  },
})
export class RecordPaymentV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the command.')
  orderId!: string;

  @TextLength(1, MAX_PAYMENT_ID_LENGTH)
  @Describe("The payment, by the provider's id.")
  paymentId!: string;

  @IsIn(PAYMENT_OUTCOMES)
  @Describe('What became of it.')
  outcome!: PaymentOutcome;

  @Nested(() => Money)
  @Describe('What was to be paid, as the provider understood it.')
  amount!: Money;

  @TextLength(1, MAX_PAYMENT_ID_LENGTH)
  @Describe("The callback that told it, by the provider's id.")
  callbackId!: string;

  @IsTimestamp()
  @Describe('When the provider decided (RFC 3339, UTC).')
  occurredAt!: string;
}
