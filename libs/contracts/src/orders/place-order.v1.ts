import { IsUUID, Matches } from 'class-validator';
import { NestedList } from '../constraints/nested.ts';
import { MayBeAbsent } from '../constraints/presence.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineCommand } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { MAX_ORDER_LINES, RequestedLine } from './order-line.ts';
import { MAX_PAYMENT_TOKEN_LENGTH, PAYMENT_TOKEN_PATTERN } from './payment.ts';

@DefineCommand<PlaceOrderV1>({
  type: 'order.place.v1',
  exchange: 'orders.commands',
  publishedBy: 'gateway',
  owner: 'order-service',
  description: 'Asks for an order to be placed. Answered by order.placed.v1 or order.rejected.v1.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    lines: [{ sku: 'SKU-TEAPOT', quantity: 2 }],
    acceptedAt: '2026-01-15T09:31:00.000Z',
    paymentToken: 'tok_ok',
  },
})
export class PlaceOrderV1 {
  @IsUUID()
  @Describe('Id that the order will have; the subject of the command.')
  orderId!: string;

  @IsUUID()
  @Describe('Account that orders.')
  customerId!: string;

  @NestedList(() => RequestedLine, { min: 1, max: MAX_ORDER_LINES })
  @Describe('What is ordered; each SKU once.')
  lines!: RequestedLine[];

  @IsTimestamp()
  @Describe('When the gateway accepted the order (RFC 3339, UTC).')
  acceptedAt!: string;

  @MayBeAbsent()
  @TextLength(1, MAX_PAYMENT_TOKEN_LENGTH)
  @Matches(PAYMENT_TOKEN_PATTERN)
  @Describe(
    'What the payment provider gave the customer to pay with. A secret: it is kept until the payment was asked for, ' +
      'and shown nowhere. Without one an order can be paid only where the provider is the sandbox.',
  )
  paymentToken?: string;
}
