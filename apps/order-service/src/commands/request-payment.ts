import { Controller, Inject, Logger } from '@nestjs/common';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { whenPaymentRefused, whenPaymentRequested } from '../domain/order-process.ts';
import { PAYMENT_PROVIDER, type PaymentAnswer, type PaymentProvider } from '../payments/payment-provider.ts';
import { OrderProgress } from '../process/order-progress.ts';
import { findPayable, holdOrder, type PayableOrder } from '../storage/order-store.ts';
import { RequestPaymentV1 } from './request-payment.v1.ts';

/** Injection token of what an order is paid with that came without a payment token, if there is such a thing. */
export const DEFAULT_PAYMENT_TOKEN = Symbol('DEFAULT_PAYMENT_TOKEN');

/**
 * Asks the payment provider for the payment of a placed order, with no transaction open. The provider knows the
 * request by the order's id, so asking again has no second effect; it decides later, and tells the gateway.
 */
@Controller()
export class RequestPayment {
  readonly #log = new Logger(RequestPayment.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly progress: OrderProgress,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider,
    @Inject(DEFAULT_PAYMENT_TOKEN) private readonly defaultToken: string | undefined,
  ) {}

  @HandleMessage(RequestPaymentV1, { transaction: 'deferred' })
  async handle({ orderId }: RequestPaymentV1, ctx: MessageContext): Promise<void> {
    const payable = await findPayable(this.dataSource.manager, orderId);
    if (!payable) {
      await ctx.complete(async () => undefined);
      return;
    }
    const answer = await this.#ask(payable);
    await ctx.complete((tx) => this.#note(tx, orderId, answer));
  }

  async #ask({ order: { orderId, total }, paymentToken }: PayableOrder): Promise<PaymentAnswer> {
    const token = paymentToken ?? this.defaultToken;
    if (token === undefined) return { accepted: false, code: 'no-means-of-payment' };
    return this.provider.request({ orderId, amount: total, token });
  }

  async #note(tx: EntityManager, orderId: string, answer: PaymentAnswer): Promise<void> {
    const order = await holdOrder(tx, orderId);
    if (order?.status !== 'placed') return;
    const now = new Date();
    if (answer.accepted) {
      const payment = this.progress.requested(answer.paymentId, now);
      await this.progress.advance(tx, order, whenPaymentRequested(order, payment));
      return;
    }
    this.#log.log(`the payment of order ${orderId} was refused: ${answer.code}`);
    await this.progress.advance(tx, order, whenPaymentRefused(order, now.toISOString()));
  }
}
