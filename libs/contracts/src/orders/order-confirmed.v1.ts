import { IsUUID } from 'class-validator';
import { Nested, NestedList } from '../constraints/nested.ts';
import { MayBeAbsent } from '../constraints/presence.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { Money } from '../money.ts';
import { PricedLine } from './order-line.ts';
import { MAX_PAYMENT_ID_LENGTH } from './payment.ts';

@DefineEvent<OrderConfirmedV1>({
  type: 'order.confirmed.v1',
  exchange: 'orders.events',
  publishedBy: 'order-service',
  description: 'The order is paid and stands: it will be delivered at the prices given. Final.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    lines: [{ sku: 'SKU-TEAPOT', name: 'Teapot', quantity: 2, unitPrice: { amount: 2450, currency: 'EUR' } }],
    total: { amount: 4900, currency: 'EUR' },
    confirmedAt: '2026-01-15T09:31:02.120Z',
    paymentId: 'pay_01912d68783e7a3c8a2c0c6e6f3f6a07',
  },
})
export class OrderConfirmedV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the event.')
  orderId!: string;

  @IsUUID()
  @Describe('Account that ordered.')
  customerId!: string;

  @NestedList(() => PricedLine, { min: 1 })
  @Describe('What was ordered, with the prices that hold.')
  lines!: PricedLine[];

  @Nested(() => Money)
  @Describe('Sum of quantity times unit price over all lines.')
  total!: Money;

  @IsTimestamp()
  @Describe('When the order was confirmed (RFC 3339, UTC).')
  confirmedAt!: string;

  @MayBeAbsent()
  @TextLength(1, MAX_PAYMENT_ID_LENGTH)
  @Describe("The payment, by the provider's id. Absent when there was nothing to pay.")
  paymentId?: string;
}
