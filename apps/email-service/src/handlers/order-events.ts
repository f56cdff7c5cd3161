import { Controller } from '@nestjs/common';
import { OrderCancelledV1, OrderConfirmedV1, OrderRejectedV1 } from '@warren/contracts';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { MailDelivery } from '../delivery/mail-delivery.ts';
import { orderCancelled } from '../templates/order-cancelled.ts';
import { orderConfirmed } from '../templates/order-confirmed.ts';
import { orderRejected } from '../templates/order-rejected.ts';

/** Tells customers how their orders ended. That an order was placed needs no mail: who orders sees it. */
@Controller()
export class OrderEvents {
  constructor(private readonly delivery: MailDelivery) {}

  @HandleMessage(OrderConfirmedV1, { transaction: 'deferred' })
  async confirmed(order: OrderConfirmedV1, ctx: MessageContext): Promise<void> {
    await this.delivery.tell(ctx, {
      template: 'order-confirmed',
      about: order.orderId,
      userId: order.customerId,
      document: (displayName) => orderConfirmed(order, displayName),
    });
  }

  @HandleMessage(OrderRejectedV1, { transaction: 'deferred' })
  async rejected(order: OrderRejectedV1, ctx: MessageContext): Promise<void> {
    await this.delivery.tell(ctx, {
      template: 'order-rejected',
      about: order.orderId,
      userId: order.customerId,
      document: (displayName) => orderRejected(order, displayName),
    });
  }

  @HandleMessage(OrderCancelledV1, { transaction: 'deferred' })
  async cancelled(order: OrderCancelledV1, ctx: MessageContext): Promise<void> {
    await this.delivery.tell(ctx, {
      template: 'order-cancelled',
      about: order.orderId,
      userId: order.customerId,
      document: (displayName) => orderCancelled(order, displayName),
    });
  }
}
