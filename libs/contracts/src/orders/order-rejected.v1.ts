import { Type } from 'class-transformer';
import { ArrayMinSize, IsArray, IsIn, IsISO8601, IsUUID, Length, ValidateNested } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { DefineEvent } from '../define-event.ts';
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
  @JSONSchema({ description: 'Id of the order; the subject of the event.' })
  orderId!: string;

  @IsUUID()
  @JSONSchema({ description: 'Account that ordered.' })
  customerId!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ValidateNested({ each: true })
  @Type(() => RequestedLine)
  @JSONSchema({ description: 'What was asked for.' })
  lines!: RequestedLine[];

  @IsIn(ORDER_REJECTION_REASONS)
  @JSONSchema({ description: 'Why the order could not be placed.' })
  reason!: OrderRejectionReason;

  @Length(1, 64)
  @JSONSchema({ description: 'The first stock keeping unit for which the reason holds.' })
  sku!: string;

  @IsISO8601({ strict: true })
  @JSONSchema({ description: 'When the order was rejected (RFC 3339, UTC).' })
  rejectedAt!: string;
}
