import { plus, times, type Money } from './money.ts';
import { findRejection, type Rejection } from './rejection.ts';
import type { Offer, RequestedLine } from './stock.ts';

/**
 * The life of an order. Every change of state is a function of this file, and {@link NEXT} says which ones exist.
 *
 *     requested ──▶ placed ──▶ awaiting-payment ──▶ confirmed
 *         │            │               │
 *         ▼            └───────┬───────┘
 *      rejected                ▼
 *                          cancelled
 *
 * An order with nothing to pay goes from placed to confirmed.
 */
export type OrderStatus = Order['status'];

/** What a customer asked for, before anybody looked whether it can be had. */
export interface OrderRequest {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly RequestedLine[];
  /** RFC 3339, UTC, as are all times here. */
  readonly acceptedAt: string;
}

export interface PricedLine extends RequestedLine {
  readonly name: string;
  /** Fixed when the order is placed; later changes of the catalogue don't touch it. */
  readonly unitPrice: Money;
}

interface OrderBase {
  readonly orderId: string;
  readonly customerId: string;
  readonly acceptedAt: string;
  /** Number of changes so far that others are told of, the latest included: the first state has 1. */
  readonly version: number;
}

interface PricedOrder extends OrderBase {
  readonly lines: readonly PricedLine[];
  /** Sum of quantity times unit price over all lines. */
  readonly total: Money;
  readonly placedAt: string;
}

/** A payment that the provider was asked for. */
export interface RequestedPayment {
  /** The provider's id. */
  readonly paymentId: string;
  readonly requestedAt: string;
  /** When the order is cancelled if nothing is heard. */
  readonly payBefore: string;
}

/** Its stock is taken and its prices are fixed; the payment has not been asked for yet. */
export interface PlacedOrder extends PricedOrder {
  readonly status: 'placed';
}

/** The provider was asked for the payment and has not decided. */
export interface AwaitingOrder extends PricedOrder {
  readonly status: 'awaiting-payment';
  readonly payment: RequestedPayment;
}

/** It is paid and will be delivered. Final. */
export interface ConfirmedOrder extends PricedOrder {
  readonly status: 'confirmed';
  /** Absent when there was nothing to pay. */
  readonly payment?: RequestedPayment;
  readonly confirmedAt: string;
  /** When the customer first wanted to cancel, too late. */
  readonly cancellationRefusedAt?: string;
}

/** It could not be placed, and nothing was taken for it. Final. */
export interface RejectedOrder extends OrderBase {
  readonly status: 'rejected';
  readonly lines: readonly RequestedLine[];
  readonly rejection: Rejection;
  readonly rejectedAt: string;
}

export type CancellationReason = 'payment-declined' | 'payment-expired' | 'customer';

/** A payment that came for an order after its end. */
export interface Refund {
  /** The provider's id of the payment. */
  readonly paymentId: string;
  readonly dueAt: string;
  /** When the provider had refunded it. */
  readonly doneAt?: string;
}

/** Its stock was given back. Final; what is paid for it all the same is refunded. */
export interface CancelledOrder extends PricedOrder {
  readonly status: 'cancelled';
  readonly payment?: RequestedPayment;
  readonly reason: CancellationReason;
  readonly cancelledAt: string;
  readonly refund?: Refund;
}

export type Order = PlacedOrder | AwaitingOrder | ConfirmedOrder | RejectedOrder | CancelledOrder;

/** An order that took stock. */
export type OrderWithStock = Exclude<Order, RejectedOrder>;

const NEXT: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  placed: ['awaiting-payment', 'confirmed', 'cancelled'],
  'awaiting-payment': ['confirmed', 'cancelled'],
  confirmed: [],
  rejected: [],
  cancelled: [],
};

/** A change that the order's state doesn't allow. */
export class IllegalTransition extends Error {
  override readonly name = 'IllegalTransition';
  constructor(
    readonly orderId: string,
    readonly from: OrderStatus,
    readonly to: string,
  ) {
    super(`order ${orderId} is ${from} and can't become ${to}`);
  }
}

/** Whether the order has come to its end. */
export function isFinal({ status }: Pick<Order, 'status'>): boolean {
  return NEXT[status].length === 0;
}

function assertNext<S extends OrderStatus>(order: Order, to: S): void {
  if (!NEXT[order.status].includes(to)) throw new IllegalTransition(order.orderId, order.status, to);
}

/**
 * Decides a request by what is offered at this moment, and fixes the prices.
 *
 * @param offers the offers of all SKUs that exist among those requested. Whoever calls this holds them still until
 *   the order is stored, and takes {@link demandOf} its lines when it was placed.
 * @throws CurrencyMismatch, MoneyOverflow when the catalogue's prices have no exact sum
 */
export function place(
  request: OrderRequest,
  offers: ReadonlyMap<string, Offer>,
  at: string,
): PlacedOrder | RejectedOrder {
  const { orderId, customerId, acceptedAt } = request;
  const base = { orderId, customerId, acceptedAt, version: 1 };
  const rejection = findRejection(request.lines, offers);
  if (rejection) return { ...base, status: 'rejected', lines: request.lines, rejection, rejectedAt: at };

  const lines = request.lines.map(({ sku, quantity }): PricedLine => {
    const { name, unitPrice } = offers.get(sku)!;
    return { sku, quantity, name, unitPrice };
  });
  const total = lines.map((line) => times(line.unitPrice, line.quantity)).reduce(plus);
  return { ...base, status: 'placed', lines, total, placedAt: at };
}

/** @throws IllegalTransition unless the order is placed and has something to pay */
export function awaitPayment(order: Order, payment: RequestedPayment): AwaitingOrder {
  assertNext(order, 'awaiting-payment');
  const placed = order as PlacedOrder;
  if (placed.total.amount === 0) throw new IllegalTransition(order.orderId, order.status, 'awaiting-payment');
  return { ...placed, status: 'awaiting-payment', version: order.version + 1, payment };
}

/** @throws IllegalTransition unless the order waits for its payment, or is placed with nothing to pay */
export function confirm(order: Order, at: string): ConfirmedOrder {
  assertNext(order, 'confirmed');
  const waiting = order as PlacedOrder | AwaitingOrder;
  if (waiting.status === 'placed' && waiting.total.amount > 0) {
    throw new IllegalTransition(order.orderId, order.status, 'confirmed');
  }
  return { ...waiting, status: 'confirmed', version: order.version + 1, confirmedAt: at };
}

/** @throws IllegalTransition when the order has come to its end */
export function cancel(order: Order, reason: CancellationReason, at: string): CancelledOrder {
  assertNext(order, 'cancelled');
  const waiting = order as PlacedOrder | AwaitingOrder;
  return { ...waiting, status: 'cancelled', version: order.version + 1, reason, cancelledAt: at };
}

/** @throws IllegalTransition unless the order is confirmed and nobody was refused before */
export function refuseCancellation(order: Order, at: string): ConfirmedOrder {
  if (order.status !== 'confirmed' || order.cancellationRefusedAt !== undefined) {
    throw new IllegalTransition(order.orderId, order.status, 'one whose cancellation is refused');
  }
  return { ...order, version: order.version + 1, cancellationRefusedAt: at };
}

/**
 * Notes that a payment came too late and has to go back. Nobody is told before it is done, so the version stays.
 *
 * @throws IllegalTransition unless the order is cancelled and no payment came before
 */
export function oweRefund(order: Order, paymentId: string, at: string): CancelledOrder {
  if (order.status !== 'cancelled' || order.refund !== undefined) {
    throw new IllegalTransition(order.orderId, order.status, 'one that owes a refund');
  }
  return { ...order, refund: { paymentId, dueAt: at } };
}

/** @throws IllegalTransition unless a refund is owed */
export function settleRefund(order: Order, at: string): CancelledOrder {
  if (order.status !== 'cancelled' || order.refund === undefined || order.refund.doneAt !== undefined) {
    throw new IllegalTransition(order.orderId, order.status, 'refunded');
  }
  return { ...order, version: order.version + 1, refund: { ...order.refund, doneAt: at } };
}
