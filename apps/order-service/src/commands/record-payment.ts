import { Controller } from '@nestjs/common';
import { RecordPaymentV1 } from '@warren/contracts';
import { HandleMessage, PermanentFailure, type MessageContext } from '@warren/messaging';
import { Contradiction, whenPaymentDecided } from '../domain/order-process.ts';
import { OrderProgress } from '../process/order-progress.ts';
import { holdOrder } from '../storage/order-store.ts';

/**
 * Takes the payment provider's decision: the order is confirmed or cancelled, or what comes too late goes back.
 *
 * The provider may decide before its answer to the request has been noted, tell it twice, and tell it after the order
 * was cancelled. What contradicts what is known is put aside for an operator, since money is in it.
 */
@Controller()
export class RecordPayment {
  constructor(private readonly progress: OrderProgress) {}

  @HandleMessage(RecordPaymentV1)
  async handle(news: RecordPaymentV1, { tx }: MessageContext): Promise<void> {
    const order = await holdOrder(tx, news.orderId);
    if (order === undefined || order.status === 'tombstone') {
      throw new Error(`there is no order ${news.orderId} that payment ${news.paymentId} could be for, yet`);
    }
    const now = new Date();
    const payment = this.progress.requested(news.paymentId, now);
    try {
      const course = whenPaymentDecided(order, news, payment, now.toISOString());
      if (order.status !== 'rejected') await this.progress.advance(tx, order, course);
    } catch (error) {
      if (error instanceof Contradiction) throw new PermanentFailure(error.message, { cause: error });
      throw error;
    }
  }
}
