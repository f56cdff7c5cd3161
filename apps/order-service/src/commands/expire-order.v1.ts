import { DefineCommand, Describe } from '@warren/contracts';
import { IsIn, IsUUID } from 'class-validator';

/** The states in which an order waits. */
export const WAITING = ['placed', 'awaiting-payment'] as const;
export type Waiting = (typeof WAITING)[number];

/** Private to this service, as all that goes over the exchange of its own name. Scheduled for the deadline of a step. */
@DefineCommand<ExpireOrderV1>({
  type: 'order.expire.v1',
  exchange: 'order-service.process',
  publishedBy: 'order-service',
  description: 'Cancels an order that waits in a state for longer than it may.',
  example: { orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02', step: 'awaiting-payment' },
})
export class ExpireOrderV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the command.')
  orderId!: string;

  @IsIn(WAITING)
  @Describe('The state in which the order was to wait no longer; in any other state nothing happens.')
  step!: Waiting;
}
