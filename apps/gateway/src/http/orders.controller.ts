import { Body, Controller, Get, Header, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import { ORDER_REJECTION_REASONS } from '@warren/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import { PlaceOrder } from '../commands/place-order.ts';
import { ViewOrders } from '../queries/view-orders.ts';
import type { OrderView } from '../storage/order-views.ts';
import { ApiProblems } from './api-problems.ts';
import { Caller, SignedIn } from './bearer.guard.ts';
import { Conditional, sendVersion } from './conditional.ts';
import { fingerprintOf, Idempotent, IdempotencyKey, sendStored } from './idempotency.ts';
import { MoneyResponse } from './money.response.ts';
import { NewOrderRequest } from './new-order.request.ts';
import { ItemPath, pageOf, PageQuery, type Page } from './page.ts';
import { Problem } from './problem.ts';

export class AcceptedOrderResponse {
  @ApiProperty({ description: 'Id of the order.', format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ['accepted'] })
  status!: 'accepted';
}

export class OrderLineResponse {
  @ApiProperty({ description: 'Stock keeping unit.', example: 'SKU-TEAPOT' })
  sku!: string;

  @ApiProperty({ description: 'Number of pieces.', type: 'integer', minimum: 1, example: 2 })
  quantity!: number;

  @ApiPropertyOptional({ description: 'Name of the product, once the order is placed.', example: 'Teapot' })
  name?: string;

  @ApiPropertyOptional({ description: 'Price of one piece, once the order is placed.', type: MoneyResponse })
  unitPrice?: MoneyResponse;
}

export class OrderHistoryEntry {
  @ApiProperty({
    description: 'What happened: order.accepted, or the type of an event.',
    example: 'order.placed.v1',
  })
  type!: string;

  @ApiProperty({ description: 'When it happened (RFC 3339, UTC).', format: 'date-time' })
  at!: string;
}

export class OrderResponse {
  @ApiProperty({ description: 'Id of the order.', format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ['accepted', 'placed', 'awaiting-payment', 'confirmed', 'rejected', 'cancelled'] })
  status!: string;

  @ApiPropertyOptional({ description: 'Why it was rejected.', enum: ORDER_REJECTION_REASONS })
  reason?: string;

  @ApiProperty({ type: [OrderLineResponse] })
  lines!: OrderLineResponse[];

  @ApiProperty({
    description: 'Sum of all lines; null until the order is placed.',
    type: MoneyResponse,
    nullable: true,
  })
  total!: MoneyResponse | null;

  @ApiProperty({
    description: 'Grows with every change; 0 as long as the order is only accepted.',
    type: 'integer',
    minimum: 0,
  })
  version!: number;

  @ApiProperty({
    description: 'What happened to the order, the first thing first.',
    type: [OrderHistoryEntry],
  })
  history!: OrderHistoryEntry[];
}

export class OrderListResponse {
  @ApiProperty({ type: [OrderResponse] })
  items!: OrderResponse[];

  @ApiProperty({
    description: 'Leads to the next page; null on the last one.',
    type: 'string',
    nullable: true,
  })
  nextCursor!: string | null;
}

/** What becomes of an order is usually known within this time, in seconds. */
const RETRY_AFTER = '1';

function representationOf({ reason, ...order }: OrderView): OrderResponse {
  return { ...order, ...(reason !== null && { reason }) };
}

/** Events may come out of order, and then the history grows while the version stays. */
const etagOf = ({ version, history }: OrderView): string => `"${version}-${history.length}"`;

@ApiTags('Orders')
@Controller('v1/orders')
@SignedIn()
export class OrdersController {
  constructor(
    private readonly placeOrder: PlaceOrder,
    private readonly orders: ViewOrders,
  ) {}

  @Post()
  @Idempotent()
  @ApiOperation({
    summary: 'Order',
    description:
      'Accepts an order. Whether it can be placed is found out after the answer: look at Location. An accepted ' +
      'order is not lost, whatever fails.',
  })
  @ApiResponse({
    status: 202,
    type: AcceptedOrderResponse,
    description: 'Accepted, now or by an earlier call with this key.',
    headers: {
      Location: { description: 'Where the order is.', schema: { type: 'string' } },
      'Retry-After': { description: 'When to look, in seconds.', schema: { type: 'integer' } },
      'Idempotency-Replayed': {
        description: 'Present when an earlier call had the effect.',
        schema: { type: 'string', enum: ['true'] },
      },
    },
  })
  @ApiProblems('validation', 'malformed-json', 'content-too-large', 'unsupported-media-type')
  async place(
    @Caller() caller: string,
    @IdempotencyKey() key: string,
    @Body() body: NewOrderRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const id = uuidv7();
    const lines = body.lines.map(({ sku, quantity }) => ({ sku, quantity }));
    const { answer, replayed } = await this.placeOrder.execute(
      { id, lines },
      {
        accountId: caller,
        key,
        fingerprint: fingerprintOf('POST /v1/orders', { lines }),
        answer: {
          status: 202,
          headers: { location: `/v1/orders/${id}`, 'retry-after': RETRY_AFTER },
          body: { id, status: 'accepted' } satisfies AcceptedOrderResponse,
        },
      },
    );
    sendStored(reply, answer, replayed);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One order' })
  @ApiOkResponse({ type: OrderResponse, headers: { ETag: { schema: { type: 'string' } } } })
  @Conditional()
  @ApiProblems('validation', 'not-found')
  async one(
    @Caller() caller: string,
    @Param() { id }: ItemPath,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const order = await this.orders.one(caller, id);
    if (!order) throw new Problem('not-found', 'you have no order of this id');
    sendVersion(request, reply, etagOf(order), representationOf(order));
  }

  @Get()
  @Header('cache-control', 'private, no-cache')
  @ApiOperation({ summary: 'Your orders, the latest first' })
  @ApiOkResponse({ type: OrderListResponse })
  @ApiProblems('validation')
  async list(@Caller() caller: string, @Query() query: PageQuery): Promise<Page<OrderResponse>> {
    return pageOf(query, (limit, before) => this.orders.latest(caller, limit, before), representationOf);
  }
}
