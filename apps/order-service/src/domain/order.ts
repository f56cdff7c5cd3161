import { plus, times, type Money } from './money.ts';
import { findRejection, type Rejection } from './rejection.ts';
import type { Offer, RequestedLine } from './stock.ts';

/**
 * The life of an order. Every change of state is a function of this file, and {@link NEXT} says which ones exist.
 *
 *     requested ──▶ placed ──▶ confirmed
 *         └───────▶ rejected
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
  /** Number of changes so far, the one that led to this state included: the first state has 1. */
  readonly version: number;
}

interface PricedOrder extends OrderBase {
  readonly lines: readonly PricedLine[];
  /** Sum of quantity times unit price over all lines. */
  readonly total: Money;
  readonly placedAt: string;
}

/** Its stock is taken and its prices are fixed. */
export interface PlacedOrder extends PricedOrder {
  readonly status: 'placed';
}

/** It will be delivered. Final. */
export interface ConfirmedOrder extends PricedOrder {
  readonly status: 'confirmed';
  readonly confirmedAt: string;
}

/** It could not be placed, and nothing was taken for it. Final. */
export interface RejectedOrder extends OrderBase {
  readonly status: 'rejected';
  readonly lines: readonly RequestedLine[];
  readonly rejection: Rejection;
  readonly rejectedAt: string;
}

export type Order = PlacedOrder | ConfirmedOrder | RejectedOrder;

const NEXT: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  placed: ['confirmed'],
  confirmed: [],
  rejected: [],
};

/** A change that the order's state doesn't allow. */
export class IllegalTransition extends Error {
  override readonly name = 'IllegalTransition';
  constructor(
    readonly orderId: string,
    readonly from: OrderStatus,
    readonly to: OrderStatus,
  ) {
    super(`order ${orderId} is ${from} and can't become ${to}`);
  }
}

/** Whether nothing can happen to the order any more. */
export function isFinal(order: Order): boolean {
  return NEXT[order.status].length === 0;
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

/** @throws IllegalTransition unless the order is placed */
export function confirm(order: Order, at: string): ConfirmedOrder {
  if (order.status !== 'placed') throw new IllegalTransition(order.orderId, order.status, 'confirmed');
  return { ...order, status: 'confirmed', version: order.version + 1, confirmedAt: at };
}
