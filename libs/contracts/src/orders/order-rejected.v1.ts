import { IsIn, IsUUID } from 'class-validator';
import { NestedList } from '../constraints/nested.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { RequestedLine } from './order-line.ts';

/** Why an order can't be placed: a closed list. */
export const ORDER_REJECTION_REASONS = ['unknown-sku', 'insufficient-stock'] as const;
export type OrderRejectionReason = (typeof ORDER_REJECTION_REASONS)[number];

@DefineEvent<OrderRejectedV1>({
  type: 'order.rejected.v1',
  exchange: 'orders.events',
  publishedBy: 'order-service',
  description: 'An accepted order could not be placed. No stock was taken. Final.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    lines: [{ sku: 'SKU-SOLD-OUT', quantity: 1 }],
    reason: 'insufficient-stock',
    sku: 'SKU-SOLD-OUT',
    rejectedAt: '2026-01-15T09:31:00.120Z',
  },
})
export class OrderRejectedV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the event.')
  orderId!: string;

  @IsUUID()
  @Describe('Account that ordered.')
  customerId!: string;

  @NestedList(() => RequestedLine, { min: 1 })
  @Describe('What was asked for.')
  lines!: RequestedLine[];

  @IsIn(ORDER_REJECTION_REASONS)
  @Describe('Why the order could not be placed.')
  reason!: OrderRejectionReason;

  @TextLength(1, 64)
  @Describe('The first stock keeping unit for which the reason holds.')
  sku!: string;

  @IsTimestamp()
  @Describe('When the order was rejected (RFC 3339, UTC).')
  rejectedAt!: string;
}
