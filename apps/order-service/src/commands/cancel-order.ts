import { Controller, Logger } from '@nestjs/common';
import { CancelOrderV1 } from '@warren/contracts';
import { HandleMessage, PermanentFailure, type MessageContext } from '@warren/messaging';
import type { EntityManager } from 'typeorm';
import { whenCustomerCancels } from '../domain/order-process.ts';
import type { Order } from '../domain/order.ts';
import { OrderProgress } from '../process/order-progress.ts';
import { holdOrder, leaveTombstone, type Tombstone } from '../storage/order-store.ts';

/**
 * Cancels an order for its customer, as long as it is not confirmed. A cancellation that comes before its order is
 * kept, and cancels the order when it comes.
 */
@Controller()
export class CancelOrder {
  readonly #log = new Logger(CancelOrder.name);

  constructor(private readonly progress: OrderProgress) {}

  @HandleMessage(CancelOrderV1)
  async handle(command: CancelOrderV1, { tx }: MessageContext): Promise<void> {
    const { orderId, customerId } = command;
    const order = await holdOrTombstone(tx, command);
    if (order.customerId !== customerId) {
      throw new PermanentFailure(`order ${orderId} is not one of customer ${customerId}`);
    }
    if (order.status === 'tombstone') {
      this.#log.log(`order ${orderId} is not here yet: it will be cancelled when it comes`);
    } else if (order.status !== 'rejected') {
      await this.progress.advance(tx, order, whenCustomerCancels(order, new Date().toISOString()));
    }
  }
}

/** A row can come or go while this waits for it: an order comes once, and takes at most one tombstone away. */
const LOOKS = 3;

async function holdOrTombstone(
  tx: EntityManager,
  { orderId, customerId, requestedAt }: CancelOrderV1,
): Promise<Order | Tombstone> {
  for (let look = 0; look < LOOKS; look++) {
    const order = await holdOrder(tx, orderId);
    if (order) return order;
    if (await leaveTombstone(tx, orderId, customerId, requestedAt))
      return { status: 'tombstone', customerId };
  }
  throw new Error(`order ${orderId} comes and goes: try again`);
}
