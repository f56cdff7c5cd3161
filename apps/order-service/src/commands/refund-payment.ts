import { Controller, Inject } from '@nestjs/common';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { owesRefund, whenRefunded } from '../domain/order-process.ts';
import { PAYMENT_PROVIDER, type PaymentProvider } from '../payments/payment-provider.ts';
import { OrderProgress } from '../process/order-progress.ts';
import { findOrder, holdOrder } from '../storage/order-store.ts';
import { RefundPaymentV1 } from './refund-payment.v1.ts';

/** Sends back what was paid for an order after its end. The provider knows the refund by the order's id. */
@Controller()
export class RefundPayment {
  constructor(
    private readonly dataSource: DataSource,
    private readonly progress: OrderProgress,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider,
  ) {}

  @HandleMessage(RefundPaymentV1, { transaction: 'deferred' })
  async handle({ orderId }: RefundPaymentV1, ctx: MessageContext): Promise<void> {
    const order = await findOrder(this.dataSource.manager, orderId);
    if (order?.status === 'cancelled' && owesRefund(order)) {
      await this.provider.refund({ orderId, paymentId: order.refund!.paymentId, amount: order.total });
    }
    await ctx.complete((tx) => this.#note(tx, orderId));
  }

  async #note(tx: EntityManager, orderId: string): Promise<void> {
    const order = await holdOrder(tx, orderId);
    if (order?.status !== 'cancelled') return;
    await this.progress.advance(tx, order, whenRefunded(order, new Date().toISOString()));
  }
}
