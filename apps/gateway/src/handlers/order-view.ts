import { Controller } from '@nestjs/common';
import {
  OrderCancellationRefusedV1,
  OrderCancelledV1,
  OrderConfirmedV1,
  OrderPaymentRefundedV1,
  OrderPaymentRequestedV1,
  OrderPlacedV1,
  OrderRejectedV1,
  parseSequence,
  type EventEnvelope,
} from '@warren/contracts';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { ViewNews } from '../live/view-news.ts';
import {
  applyOrderChange,
  noteOrderHappening,
  type NotedHappening,
  type OrderChange,
} from '../storage/order-views.ts';

/** Keeps the customers' view of their orders up to date. */
@Controller()
export class OrderViewHandlers {
  constructor(private readonly news: ViewNews) {}

  @HandleMessage(OrderPlacedV1)
  async placed(data: OrderPlacedV1, ctx: MessageContext): Promise<void> {
    await this.#apply(ctx, { ...data, status: 'placed', at: data.placedAt });
  }

  @HandleMessage(OrderPaymentRequestedV1)
  async paymentRequested(data: OrderPaymentRequestedV1, ctx: MessageContext): Promise<void> {
    await this.#apply(ctx, { ...data, status: 'awaiting-payment', at: data.requestedAt });
  }

  @HandleMessage(OrderConfirmedV1)
  async confirmed(data: OrderConfirmedV1, ctx: MessageContext): Promise<void> {
    await this.#apply(ctx, { ...data, status: 'confirmed', at: data.confirmedAt });
  }

  @HandleMessage(OrderRejectedV1)
  async rejected(data: OrderRejectedV1, ctx: MessageContext): Promise<void> {
    await this.#apply(ctx, { ...data, status: 'rejected', at: data.rejectedAt });
  }

  @HandleMessage(OrderCancelledV1)
  async cancelled(data: OrderCancelledV1, ctx: MessageContext): Promise<void> {
    await this.#apply(ctx, { ...data, status: 'cancelled', at: data.cancelledAt });
  }

  @HandleMessage(OrderCancellationRefusedV1)
  async cancellationRefused(data: OrderCancellationRefusedV1, ctx: MessageContext): Promise<void> {
    await this.#note(ctx, { ...data, at: data.refusedAt });
  }

  @HandleMessage(OrderPaymentRefundedV1)
  async paymentRefunded({ orderId, refundedAt }: OrderPaymentRefundedV1, ctx: MessageContext): Promise<void> {
    await this.#note(ctx, { orderId, at: refundedAt });
  }

  async #apply({ envelope, tx }: MessageContext, change: Omit<OrderChange, keyof Told>): Promise<void> {
    await applyOrderChange(tx, { ...change, ...told(envelope) });
    this.news.changed(tx, change.orderId);
  }

  async #note({ envelope, tx }: MessageContext, happening: Omit<NotedHappening, keyof Told>): Promise<void> {
    await noteOrderHappening(tx, { ...happening, ...told(envelope) });
    this.news.changed(tx, happening.orderId);
  }
}

/** What the envelope tells of an event. */
type Told = Pick<OrderChange, 'version' | 'type'>;

const told = ({ sequence, type }: EventEnvelope): Told => ({ version: parseSequence(sequence), type });
