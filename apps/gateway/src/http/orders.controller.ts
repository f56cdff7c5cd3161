import { Body, Controller, Get, Header, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import {
  CANCELLATION_REFUSALS,
  ORDER_CANCELLATION_REASONS,
  ORDER_REJECTION_REASONS,
} from '@warren/contracts';
import { SERVICE_CONFIG } from '@warren/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import { CancelOrder } from '../commands/cancel-order.ts';
import { PlaceOrder } from '../commands/place-order.ts';
import type { GatewayConfig } from '../config.ts';
import type { Access } from '../credentials/access-tokens.ts';
import { ViewOrders } from '../queries/view-orders.ts';
import type { CancellationView, OrderStatus, OrderView } from '../storage/order-views.ts';
import { ApiProblems } from './api-problems.ts';
import { Caller, CallerAccess, SignedIn } from './bearer.guard.ts';
import { Conditional, sendVersion } from './conditional.ts';
import { EventStreams, SendsEvents, sourceOf } from './event-streams.ts';
import { fingerprintOf, Idempotent, IdempotencyKey, sendStored } from './idempotency.ts';
import { OptionalJsonBody } from './json-body.ts';
import { MoneyResponse } from './money.response.ts';
import { NewOrderRequest } from './new-order.request.ts';
import { ItemPath, pageOf, PageQuery, type Page } from './page.ts';
import { Problem } from './problem.ts';
import { invalid } from './strict-validation.pipe.ts';

const ORDER_STATUSES: OrderStatus[] = [
  'accepted',
  'placed',
  'awaiting-payment',
  'confirmed',
  'rejected',
  'cancelled',
];

export class AcceptedOrderResponse {
  @ApiProperty({ description: 'Id of the order.', format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ['accepted'] })
  status!: 'accepted';
}

/** There is nothing to say about a cancellation yet. */
export class NewCancellationRequest {}

export class AcceptedCancellationResponse {
  @ApiProperty({ description: 'Id of the order.', format: 'uuid' })
  id!: string;

  @ApiProperty({ description: 'What is known of the order at this moment.', enum: ORDER_STATUSES })
  status!: OrderStatus;
}

export class RequestedCancellation {
  @ApiProperty({ enum: ['requested'] })
  status!: 'requested';

  @ApiProperty({ description: 'When it was requested first (RFC 3339, UTC).', format: 'date-time' })
  requestedAt!: string;
}

export class RefusedCancellation {
  @ApiProperty({ enum: ['refused'] })
  status!: 'refused';

  @ApiProperty({ description: 'Why it was refused.', enum: CANCELLATION_REFUSALS })
  reason!: string;

  @ApiProperty({ description: 'When it was refused (RFC 3339, UTC).', format: 'date-time' })
  refusedAt!: string;
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
    description: 'What happened: order.accepted, order.cancellation-requested, or the type of an event.',
    example: 'order.placed.v1',
  })
  type!: string;

  @ApiProperty({ description: 'When it happened (RFC 3339, UTC).', format: 'date-time' })
  at!: string;
}

@ApiExtraModels(RequestedCancellation, RefusedCancellation)
export class OrderResponse {
  @ApiProperty({ description: 'Id of the order.', format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ORDER_STATUSES })
  status!: OrderStatus;

  @ApiPropertyOptional({
    description: 'Why it was rejected or cancelled.',
    enum: [...ORDER_REJECTION_REASONS, ...ORDER_CANCELLATION_REASONS],
  })
  reason?: string;

  @ApiProperty({
    description:
      'What became of the wish to cancel it. Null without one, and when the order is cancelled or rejected: then ' +
      'status and reason say it all.',
    oneOf: [
      { $ref: getSchemaPath(RequestedCancellation) },
      { $ref: getSchemaPath(RefusedCancellation) },
      { type: 'null' },
    ],
  })
  cancellation!: CancellationView | null;

  @ApiProperty({ type: [OrderLineResponse] })
  lines!: OrderLineResponse[];

  @ApiProperty({
    description: 'Sum of all lines; null until the order is placed.',
    type: MoneyResponse,
    nullable: true,
  })
  total!: MoneyResponse | null;

  @ApiProperty({
    description: 'Grows with every event of the order; 0 as long as it is only accepted.',
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

const ACCEPTED_HEADERS = {
  Location: { description: 'Where the order is.', schema: { type: 'string' } },
  'Retry-After': { description: 'When to look, in seconds.', schema: { type: 'integer' } },
  'Idempotency-Replayed': {
    description: 'Present when an earlier call had the effect.',
    schema: { type: 'string', enum: ['true'] },
  },
};

function representationOf({ reason, ...order }: OrderView): OrderResponse {
  return { ...order, ...(reason !== null && { reason }) };
}

/** Not every change has a version: events come out of order, and a request to cancel is none. All are in the history. */
const etagOf = ({ version, history }: OrderView): string => `"${version}-${history.length}"`;

const noSuchOrder = (): Problem => new Problem('not-found', 'you have no order of this id');

const EVENT_EXAMPLE = `retry: 2718

id: accepted.1
event: order.placed.v1
data: {"id":"01912d68-783e-7a3c-8a2c-0c6e6f3f6a03","status":"placed","version":1}

event: end
data: {}

`;

@ApiTags('Orders')
@Controller('v1/orders')
@SignedIn()
export class OrdersController {
  readonly #source;

  constructor(
    private readonly placeOrder: PlaceOrder,
    private readonly cancelOrder: CancelOrder,
    private readonly orders: ViewOrders,
    private readonly eventStreams: EventStreams,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {
    this.#source = sourceOf(orders, representationOf);
  }

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
    headers: ACCEPTED_HEADERS,
  })
  @ApiProblems('validation', 'malformed-json', 'content-too-large', 'unsupported-media-type')
  async place(
    @Caller() caller: string,
    @IdempotencyKey() key: string,
    @Body() body: NewOrderRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const id = uuidv7();
    const { paymentToken } = body;
    if (paymentToken === undefined && this.config.WARREN_PAYMENT_PROVIDER !== 'sandbox') {
      throw invalid([{ in: 'body', pointer: '/paymentToken', detail: 'paymentToken must be given' }]);
    }
    const order = {
      lines: body.lines.map(({ sku, quantity }) => ({ sku, quantity })),
      ...(paymentToken !== undefined && { paymentToken }),
    };
    const { answer, replayed } = await this.placeOrder.execute(
      { id, ...order },
      {
        accountId: caller,
        key,
        fingerprint: fingerprintOf('POST /v1/orders', order),
        answer: {
          status: 202,
          headers: { location: `/v1/orders/${id}`, 'retry-after': RETRY_AFTER },
          body: { id, status: 'accepted' } satisfies AcceptedOrderResponse,
        },
      },
    );
    sendStored(reply, answer, replayed);
  }

  @Post(':id/cancellation')
  @Idempotent()
  @OptionalJsonBody()
  @ApiOperation({
    summary: 'Cancel an order',
    description:
      'Accepts the wish to cancel an order, in whatever state it is. Whether it is too late is found out after the ' +
      'answer: look at Location.',
  })
  @ApiBody({ type: NewCancellationRequest, required: false })
  @ApiResponse({
    status: 202,
    type: AcceptedCancellationResponse,
    description: 'Accepted, now or by an earlier call with this key.',
    headers: ACCEPTED_HEADERS,
  })
  @ApiProblems('validation', 'malformed-json', 'not-found', 'content-too-large', 'unsupported-media-type')
  async cancel(
    @Caller() caller: string,
    @IdempotencyKey() key: string,
    @Param() path: ItemPath,
    @Body() _body: NewCancellationRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { id, status } = await this.#orderOf(caller, path.id);
    const { answer, replayed } = await this.cancelOrder.execute(id, {
      accountId: caller,
      key,
      fingerprint: fingerprintOf(`POST /v1/orders/${id}/cancellation`, {}),
      answer: {
        status: 202,
        headers: { location: `/v1/orders/${id}`, 'retry-after': RETRY_AFTER },
        body: { id, status } satisfies AcceptedCancellationResponse,
      },
    });
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
    const order = await this.#orderOf(caller, id);
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

  @Get(':id/events')
  @SendsEvents('an order', EVENT_EXAMPLE, OrderResponse)
  async events(
    @CallerAccess() access: Access,
    @Param() { id }: ItemPath,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const [order] = await this.orders.follow([id], access.accountId);
    if (!order) throw noSuchOrder();
    this.eventStreams.send(request, reply, access, this.#source, this.#source.snapshotOf(order));
  }

  async #orderOf(caller: string, id: string): Promise<OrderView> {
    const order = await this.orders.one(caller, id);
    if (!order) throw noSuchOrder();
    return order;
  }
}
