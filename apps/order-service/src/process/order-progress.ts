import { Inject, Injectable } from '@nestjs/common';
import { newMessage, Outbox, Schedule, type TypedMessage } from '@warren/messaging';
import type { EntityManager } from 'typeorm';
import { ExpireOrderV1, type Waiting } from '../commands/expire-order.v1.ts';
import { RefundPaymentV1 } from '../commands/refund-payment.v1.ts';
import { RequestPaymentV1 } from '../commands/request-payment.v1.ts';
import { owesRefund, type Course } from '../domain/order-process.ts';
import { isFinal, type Order, type OrderWithStock } from '../domain/order.ts';
import { giveBackStock, saveOrder } from '../storage/order-store.ts';
import { announcementOf } from './announcements.ts';

/** Injection token of how long an order may wait in one state, in milliseconds. */
export const STEP_DEADLINE_MS = Symbol('STEP_DEADLINE_MS');

/**
 * What follows from the states that an order goes through, in the transaction of the message that moved it: the row,
 * the stock, what others are told, the next step and its deadline.
 */
@Injectable()
export class OrderProgress {
  constructor(
    private readonly outbox: Outbox,
    private readonly schedule: Schedule,
    @Inject(STEP_DEADLINE_MS) private readonly deadlineMs: number,
  ) {}

  /** The payment that is asked for at this moment, as the order will know it. */
  requested(paymentId: string, at: Date): { paymentId: string; requestedAt: string; payBefore: string } {
    return {
      paymentId,
      requestedAt: at.toISOString(),
      payBefore: new Date(at.getTime() + this.deadlineMs).toISOString(),
    };
  }

  /** Moves an order on whose row `tx` holds. Does nothing when the course is empty. */
  async advance(tx: EntityManager, order: OrderWithStock, course: Course): Promise<void> {
    const end = course.at(-1);
    if (end === undefined) return;
    // The stock first. A row that is locked holds up nobody who tries to store an order of the same id, and one that was
    // changed does: he holds the stock already, and they would wait in a circle.
    if (end.status === 'cancelled' && order.status !== 'cancelled') await giveBackStock(tx, end);
    await saveOrder(tx, end as OrderWithStock);
    await this.follow(tx, order, course);
  }

  /** What follows when an order has come from `before` through `course`, and its row and stock are written. */
  async follow(tx: EntityManager, before: Order | undefined, course: Course): Promise<void> {
    await this.outbox.appendAll(tx, messagesOf(before, course));
    const end = course.at(-1)!;
    if (end.status === before?.status) return;
    if (isWaiting(end.status)) await this.#setDeadline(tx, end, end.status);
    else if (before !== undefined && !isFinal(before)) await this.schedule.cancel(tx, deadlineOf(end));
  }

  async #setDeadline(tx: EntityManager, { orderId, version }: Order, step: Waiting): Promise<void> {
    await this.schedule.publishAt(
      tx,
      ExpireOrderV1,
      { subject: orderId, sequence: version, data: { orderId, step } },
      { afterMs: this.deadlineMs },
      { key: deadlineOf({ orderId }) },
    );
  }
}

/** One deadline an order: that of its next step takes the place of the one before. */
const deadlineOf = ({ orderId }: Pick<Order, 'orderId'>): string => `order:${orderId}:deadline`;

function isWaiting(status: Order['status']): status is Waiting {
  return status === 'placed' || status === 'awaiting-payment';
}

function messagesOf(before: Order | undefined, course: Course): TypedMessage[] {
  const states = [before, ...course];
  const announcements = course.flatMap((after, i) => announcementOf(states[i], after) ?? []);
  const end = course.at(-1)!;
  const { orderId, version } = end;
  const step = { subject: orderId, sequence: version, data: { orderId } };
  if (end.status === 'placed') return [...announcements, newMessage(RequestPaymentV1, step)];
  if (owesRefund(end)) return [...announcements, newMessage(RefundPaymentV1, step)];
  return announcements;
}
