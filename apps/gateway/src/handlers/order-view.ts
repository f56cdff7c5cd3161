import { Controller } from '@nestjs/common';
import {
  contractOf,
  OrderCancellationRefusedV1,
  OrderCancelledV1,
  OrderConfirmedV1,
  OrderPaymentRefundedV1,
  OrderPaymentRequestedV1,
  OrderPlacedV1,
  OrderRejectedV1,
  parseSequence,
} from '@warren/contracts';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import type { EntityManager } from 'typeorm';
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
  async placed(data: OrderPlacedV1, { envelope, tx }: MessageContext): Promise<void> {
    await this.#apply(tx, {
      ...data,
      status: 'placed',
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderPlacedV1).type,
      at: data.placedAt,
    });
  }

  @HandleMessage(OrderPaymentRequestedV1)
  async paymentRequested(data: OrderPaymentRequestedV1, { envelope, tx }: MessageContext): Promise<void> {
    await this.#apply(tx, {
      ...data,
      status: 'awaiting-payment',
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderPaymentRequestedV1).type,
      at: data.requestedAt,
    });
  }

  @HandleMessage(OrderConfirmedV1)
  async confirmed(data: OrderConfirmedV1, { envelope, tx }: MessageContext): Promise<void> {
    await this.#apply(tx, {
      ...data,
      status: 'confirmed',
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderConfirmedV1).type,
      at: data.confirmedAt,
    });
  }

  @HandleMessage(OrderRejectedV1)
  async rejected(data: OrderRejectedV1, { envelope, tx }: MessageContext): Promise<void> {
    await this.#apply(tx, {
      ...data,
      status: 'rejected',
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderRejectedV1).type,
      at: data.rejectedAt,
    });
  }

  @HandleMessage(OrderCancelledV1)
  async cancelled(data: OrderCancelledV1, { envelope, tx }: MessageContext): Promise<void> {
    await this.#apply(tx, {
      ...data,
      status: 'cancelled',
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderCancelledV1).type,
      at: data.cancelledAt,
    });
  }

  @HandleMessage(OrderCancellationRefusedV1)
  async cancellationRefused(
    data: OrderCancellationRefusedV1,
    { envelope, tx }: MessageContext,
  ): Promise<void> {
    await this.#note(tx, {
      ...data,
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderCancellationRefusedV1).type,
      at: data.refusedAt,
    });
  }

  @HandleMessage(OrderPaymentRefundedV1)
  async paymentRefunded(data: OrderPaymentRefundedV1, { envelope, tx }: MessageContext): Promise<void> {
    await this.#note(tx, {
      orderId: data.orderId,
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderPaymentRefundedV1).type,
      at: data.refundedAt,
    });
  }

  async #apply(tx: EntityManager, change: OrderChange): Promise<void> {
    await applyOrderChange(tx, change);
    this.news.changed(tx, change.orderId);
  }

  async #note(tx: EntityManager, happening: NotedHappening): Promise<void> {
    await noteOrderHappening(tx, happening);
    this.news.changed(tx, happening.orderId);
  }
}
