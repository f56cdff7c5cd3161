import { Controller } from '@nestjs/common';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { whenDeadlinePasses } from '../domain/order-process.ts';
import { OrderProgress } from '../process/order-progress.ts';
import { holdOrder } from '../storage/order-store.ts';
import { ExpireOrderV1 } from './expire-order.v1.ts';

/** Cancels an order whose step has taken too long. One that has moved on is left alone. */
@Controller()
export class ExpireOrder {
  constructor(private readonly progress: OrderProgress) {}

  @HandleMessage(ExpireOrderV1)
  async handle({ orderId, step }: ExpireOrderV1, { tx }: MessageContext): Promise<void> {
    const order = await holdOrder(tx, orderId);
    if (order?.status !== step) return;
    await this.progress.advance(tx, order, whenDeadlinePasses(order, step, new Date().toISOString()));
  }
}
