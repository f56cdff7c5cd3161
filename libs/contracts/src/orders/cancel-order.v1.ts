import { IsUUID } from 'class-validator';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { DefineCommand } from '../define-event.ts';
import { Describe } from '../describe.ts';

@DefineCommand<CancelOrderV1>({
  type: 'order.cancel.v1',
  exchange: 'orders.commands',
  publishedBy: 'gateway',
  owner: 'order-service',
  description:
    'A customer wants an order cancelled. Answered by order.cancelled.v1, or by order.cancellation-refused.v1 when the ' +
    'order is confirmed; by nothing new when it was rejected or cancelled before. It may come before its order.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    requestedAt: '2026-01-15T09:31:01.500Z',
  },
})
export class CancelOrderV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the command.')
  orderId!: string;

  @IsUUID()
  @Describe('Account that ordered.')
  customerId!: string;

  @IsTimestamp()
  @Describe('When the gateway accepted the cancellation (RFC 3339, UTC).')
  requestedAt!: string;
}
