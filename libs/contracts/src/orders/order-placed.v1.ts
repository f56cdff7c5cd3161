import { IsUUID } from 'class-validator';
import { Nested, NestedList } from '../constraints/nested.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { Money } from '../money.ts';
import { PricedLine } from './order-line.ts';

@DefineEvent<OrderPlacedV1>({
  type: 'order.placed.v1',
  exchange: 'orders.events',
  publishedBy: 'order-service',
  description: 'The stock of an order was taken and its prices are fixed. The order is not confirmed yet.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    lines: [{ sku: 'SKU-TEAPOT', name: 'Teapot', quantity: 2, unitPrice: { amount: 2450, currency: 'EUR' } }],
    total: { amount: 4900, currency: 'EUR' },
    placedAt: '2026-01-15T09:31:00.120Z',
  },
})
export class OrderPlacedV1 {
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
  @Describe('When the order was placed (RFC 3339, UTC).')
  placedAt!: string;
}
