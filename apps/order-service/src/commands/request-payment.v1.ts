import { DefineCommand, Describe } from '@warren/contracts';
import { IsUUID } from 'class-validator';

/** Private to this service, as all that goes over the exchange of its own name. */
@DefineCommand<RequestPaymentV1>({
  type: 'order.request-payment.v1',
  exchange: 'order-service.process',
  publishedBy: 'order-service',
  description: 'Asks for the payment of a placed order to be asked of the payment provider.',
  example: { orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02' },
})
export class RequestPaymentV1 {
  @IsUUID()
  @Describe('Id of the order; the subject of the command.')
  orderId!: string;
}
