import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsISO8601, IsUUID, ValidateNested } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { DefineCommand } from '../define-event.ts';
import { MAX_ORDER_LINES, RequestedLine } from './order-line.ts';

@DefineCommand<PlaceOrderV1>({
  type: 'order.place.v1',
  exchange: 'orders.commands',
  publishedBy: 'gateway',
  description: 'Asks for an order to be placed. Answered by order.placed.v1 or order.rejected.v1.',
  example: {
    orderId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    customerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    lines: [{ sku: 'SKU-TEAPOT', quantity: 2 }],
    acceptedAt: '2026-01-15T09:31:00.000Z',
  },
})
export class PlaceOrderV1 {
  @IsUUID()
  @JSONSchema({ description: 'Id that the order will have; the subject of the command.' })
  orderId!: string;

  @IsUUID()
  @JSONSchema({ description: 'Account that orders.' })
  customerId!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ORDER_LINES)
  @ValidateNested({ each: true })
  @Type(() => RequestedLine)
  @JSONSchema({ description: 'What is ordered; each SKU once.' })
  lines!: RequestedLine[];

  @IsISO8601({ strict: true })
  @JSONSchema({ description: 'When the gateway accepted the order (RFC 3339, UTC).' })
  acceptedAt!: string;
}
