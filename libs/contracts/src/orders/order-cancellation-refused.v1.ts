import { IsIn, IsUUID } from 'class-validator';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';

/** Why an order can't be cancelled any more: a closed list. */
export const CANCELLATION_REFUSALS = ['already-confirmed'] as const;
export type CancellationRefusal = (typeof CANCELLATION_REFUSALS)[number];

@DefineEvent<OrderCancellationRefusedV1>({
  type: 'order.cancellation-refused.v1',
  exchange: 'orders.events',
  publishedBy: 'order-service',
  description:
    'A customer wanted to cancel an order when it was too late. The order stays as it is. Told once for each order.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    reason: 'already-confirmed',
    refusedAt: '2026-01-15T09:40:00.000Z',
  },
})
export class OrderCancellationRefusedV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the event.')
  orderId!: string;

  @IsUUID()
  @Describe('Account that ordered.')
  customerId!: string;

  @IsIn(CANCELLATION_REFUSALS)
  @Describe('Why the order was not cancelled.')
  reason!: CancellationRefusal;

  @IsTimestamp()
  @Describe('When the cancellation was refused (RFC 3339, UTC).')
  refusedAt!: string;
}
