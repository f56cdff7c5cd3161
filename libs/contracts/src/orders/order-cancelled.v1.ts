import { IsIn, IsUUID } from 'class-validator';
import { Nested, NestedList } from '../constraints/nested.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { Money } from '../money.ts';
import { PricedLine } from './order-line.ts';

/** Why a placed order was cancelled: a closed list. */
export const ORDER_CANCELLATION_REASONS = ['payment-declined', 'payment-expired', 'customer'] as const;
export type OrderCancellationReason = (typeof ORDER_CANCELLATION_REASONS)[number];

@DefineEvent<OrderCancelledV1>({
  type: 'order.cancelled.v1',
  exchange: 'orders.events',
  publishedBy: 'order-service',
  description:
    'A placed order was cancelled and its stock given back. Final. What is paid for it all the same is refunded: see ' +
    'order.payment-refunded.v1.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    lines: [{ sku: 'SKU-TEAPOT', name: 'Teapot', quantity: 2, unitPrice: { amount: 2450, currency: 'EUR' } }],
    total: { amount: 4900, currency: 'EUR' },
    reason: 'payment-declined',
    cancelledAt: '2026-01-15T09:31:02.120Z',
  },
})
export class OrderCancelledV1 {
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

  @IsIn(ORDER_CANCELLATION_REASONS)
  @Describe('Why it was cancelled.')
  reason!: OrderCancellationReason;

  @IsTimestamp()
  @Describe('When the order was cancelled (RFC 3339, UTC).')
  cancelledAt!: string;
}
