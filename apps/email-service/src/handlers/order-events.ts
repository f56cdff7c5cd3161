import { Controller } from '@nestjs/common';
import { OrderCancelledV1, OrderConfirmedV1, OrderRejectedV1 } from '@warren/contracts';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { DataSource } from 'typeorm';
import { MailDelivery } from '../delivery/mail-delivery.ts';
import { recipientOf } from '../storage/recipients.ts';
import { orderCancelled } from '../templates/order-cancelled.ts';
import { orderConfirmed } from '../templates/order-confirmed.ts';
import { orderRejected } from '../templates/order-rejected.ts';

/** Tells customers how their orders ended. That an order was placed needs no mail: who orders sees it. */
@Controller()
export class OrderEvents {
  constructor(
    private readonly dataSource: DataSource,
    private readonly delivery: MailDelivery,
  ) {}

  @HandleMessage(OrderConfirmedV1, { transaction: 'deferred' })
  async confirmed(order: OrderConfirmedV1, ctx: MessageContext): Promise<void> {
    const recipient = await recipientOf(this.dataSource.manager, order.customerId);
    await this.delivery.deliver(ctx, {
      eventId: ctx.envelope.id,
      template: 'order-confirmed',
      about: order.orderId,
      recipient,
      document: orderConfirmed(order, recipient.displayName),
    });
  }

  @HandleMessage(OrderRejectedV1, { transaction: 'deferred' })
  async rejected(order: OrderRejectedV1, ctx: MessageContext): Promise<void> {
    const recipient = await recipientOf(this.dataSource.manager, order.customerId);
    await this.delivery.deliver(ctx, {
      eventId: ctx.envelope.id,
      template: 'order-rejected',
      about: order.orderId,
      recipient,
      document: orderRejected(order, recipient.displayName),
    });
  }

  @HandleMessage(OrderCancelledV1, { transaction: 'deferred' })
  async cancelled(order: OrderCancelledV1, ctx: MessageContext): Promise<void> {
    const recipient = await recipientOf(this.dataSource.manager, order.customerId);
    await this.delivery.deliver(ctx, {
      eventId: ctx.envelope.id,
      template: 'order-cancelled',
      about: order.orderId,
      recipient,
      document: orderCancelled(order, recipient.displayName),
    });
  }
}
