import { DefineCommand, Describe } from '@warren/contracts';
import { IsUUID } from 'class-validator';

/** Private to this service, as all that goes over the exchange of its own name. */
@DefineCommand<RefundPaymentV1>({
  type: 'order.refund-payment.v1',
  exchange: 'order-service.process',
  publishedBy: 'order-service',
  description: 'Asks for the payment to go back that came after its order was cancelled.',
  example: { orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02' },
})
export class RefundPaymentV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the command.')
  orderId!: string;
}
