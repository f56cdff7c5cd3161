import { Controller, Logger } from '@nestjs/common';
import { PlaceOrderV1 } from '@warren/contracts';
import { HandleMessage, PermanentFailure, type MessageContext } from '@warren/messaging';
import type { EntityManager } from 'typeorm';
import { CurrencyMismatch, MoneyOverflow } from '../domain/money.ts';
import { whenCustomerCancels, whenPlaced, type Course } from '../domain/order-process.ts';
import { place, type PlacedOrder, type RejectedOrder } from '../domain/order.ts';
import { demandOf, type Offer } from '../domain/stock.ts';
import { OrderProgress } from '../process/order-progress.ts';
import { storeOrder, takeTombstone } from '../storage/order-store.ts';
import { holdOffers } from '../storage/stock-on-hand.ts';

/**
 * Decides an accepted order: its stock is taken and its payment will be asked for, or it is rejected. The order, the
 * stock, the events that tell of it and the next step commit together.
 *
 * An order is decided once, whatever the command's message id: a second command for the same order id changes
 * nothing and says nothing.
 */
@Controller()
export class PlaceOrder {
  readonly #log = new Logger(PlaceOrder.name);

  constructor(private readonly progress: OrderProgress) {}

  @HandleMessage(PlaceOrderV1)
  async handle(command: PlaceOrderV1, { tx }: MessageContext): Promise<void> {
    const { orderId, customerId, lines, acceptedAt, paymentToken } = command;
    const offers = await holdOffers(tx, [...demandOf(lines).keys()]);
    const at = new Date().toISOString();
    const decided = decide({ orderId, customerId, lines, acceptedAt }, offers, at);
    const course: Course = decided.status === 'placed' ? [decided, ...whenPlaced(decided, at)] : [decided];
    if (await storeOrder(tx, course.at(-1)!, paymentToken)) await this.progress.follow(tx, undefined, course);
    else await this.#whenKnown(tx, decided, paymentToken, at);
  }

  /** There is a row of this id: the order itself, or its cancellation, which came first. */
  async #whenKnown(
    tx: EntityManager,
    order: PlacedOrder | RejectedOrder,
    paymentToken: string | undefined,
    at: string,
  ): Promise<void> {
    const { orderId, customerId } = order;
    const tombstone = await takeTombstone(tx, orderId);
    if (!tombstone) {
      this.#log.warn(`order ${orderId} was decided before: this command for it has no effect`);
      return;
    }
    if (!(await storeOrder(tx, order, paymentToken)))
      throw new Error(`order ${orderId} was stored by somebody else`);
    await this.progress.follow(tx, undefined, [order]);
    if (order.status === 'rejected') return;
    if (tombstone.customerId === customerId) {
      await this.progress.advance(tx, order, whenCustomerCancels(order, at));
    } else {
      this.#log.warn(`order ${orderId} was to be cancelled by a customer who had not ordered it`);
      await this.progress.advance(tx, order, whenPlaced(order, at));
    }
  }
}

function decide(
  request: Omit<PlaceOrderV1, 'paymentToken'>,
  offers: ReadonlyMap<string, Offer>,
  at: string,
): PlacedOrder | RejectedOrder {
  try {
    return place(request, offers, at);
  } catch (error) {
    if (error instanceof MoneyOverflow || error instanceof CurrencyMismatch) {
      throw new PermanentFailure(`order ${request.orderId} has no total: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
