import { Controller, Logger } from '@nestjs/common';
import { OrderConfirmedV1, OrderPlacedV1, OrderRejectedV1, PlaceOrderV1 } from '@warren/contracts';
import { HandleMessage, newMessage, Outbox, PermanentFailure, type MessageContext } from '@warren/messaging';
import type { EntityManager } from 'typeorm';
import { CurrencyMismatch, MoneyOverflow } from '../domain/money.ts';
import {
  confirm,
  place,
  type ConfirmedOrder,
  type PlacedOrder,
  type RejectedOrder,
} from '../domain/order.ts';
import { demandOf, type Offer } from '../domain/stock.ts';
import { storeOrder } from '../storage/order-store.ts';
import { holdOffers } from '../storage/stock-on-hand.ts';

/**
 * Decides an accepted order: its stock is taken and it is confirmed, or it is rejected. The order, the stock and the
 * events that tell of it commit together.
 *
 * An order is decided once, whatever the command's message id: a second command for the same order id changes
 * nothing and says nothing.
 */
@Controller()
export class PlaceOrder {
  readonly #log = new Logger(PlaceOrder.name);

  constructor(private readonly outbox: Outbox) {}

  @HandleMessage(PlaceOrderV1)
  async handle(command: PlaceOrderV1, { tx }: MessageContext): Promise<void> {
    const offers = await holdOffers(tx, [...demandOf(command.lines).keys()]);
    const at = new Date().toISOString();
    const decided = decide(command, offers, at);
    if (decided.status === 'rejected') {
      if (await storeOrder(tx, decided)) await this.#announceRejection(tx, decided);
      else this.#ignoreRepetition(command);
      return;
    }
    const confirmed = confirm(decided, at);
    if (await storeOrder(tx, confirmed)) await this.#announceConfirmation(tx, decided, confirmed);
    else this.#ignoreRepetition(command);
  }

  async #announceRejection(tx: EntityManager, order: RejectedOrder): Promise<void> {
    await this.outbox.append(tx, OrderRejectedV1, {
      subject: order.orderId,
      sequence: order.version,
      data: {
        orderId: order.orderId,
        customerId: order.customerId,
        lines: order.lines.map(({ sku, quantity }) => ({ sku, quantity })),
        reason: order.rejection.reason,
        sku: order.rejection.sku,
        rejectedAt: order.rejectedAt,
      },
    });
  }

  async #announceConfirmation(
    tx: EntityManager,
    placed: PlacedOrder,
    confirmed: ConfirmedOrder,
  ): Promise<void> {
    const { orderId, customerId } = confirmed;
    const lines = [...confirmed.lines];
    const { total } = confirmed;
    await this.outbox.appendAll(tx, [
      newMessage(OrderPlacedV1, {
        subject: orderId,
        sequence: placed.version,
        data: { orderId, customerId, lines, total, placedAt: placed.placedAt },
      }),
      newMessage(OrderConfirmedV1, {
        subject: orderId,
        sequence: confirmed.version,
        data: { orderId, customerId, lines, total, confirmedAt: confirmed.confirmedAt },
      }),
    ]);
  }

  #ignoreRepetition({ orderId }: PlaceOrderV1): void {
    this.#log.warn(`order ${orderId} was decided before: this command for it has no effect`);
  }
}

function decide(
  command: PlaceOrderV1,
  offers: ReadonlyMap<string, Offer>,
  at: string,
): PlacedOrder | RejectedOrder {
  try {
    return place(command, offers, at);
  } catch (error) {
    if (error instanceof MoneyOverflow || error instanceof CurrencyMismatch) {
      throw new PermanentFailure(`order ${command.orderId} has no total: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
