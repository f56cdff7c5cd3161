import { Injectable } from '@nestjs/common';
import { PlaceOrderV1 } from '@warren/contracts';
import { Outbox } from '@warren/messaging';
import { DataSource } from 'typeorm';
import {
  answerGivenBefore,
  CLAIM_KEY,
  claimParameters,
  type IdempotentCall,
  type StoredAnswer,
} from '../storage/idempotency-keys.ts';
import { ORDER_ACCEPTED } from '../storage/order-views.ts';

export interface NewOrder {
  id: string;
  lines: readonly { sku: string; quantity: number }[];
  /** A secret: it goes into the command and nowhere else. */
  paymentToken?: string;
}

export interface PlaceOrderResult {
  answer: StoredAnswer;
  /** Whether the answer is that of an earlier call, which had the effect. */
  replayed: boolean;
}

/** One statement for key, view and history: with the outbox row, begin and commit an order costs four round trips. */
const ACCEPT_ORDER = `
  WITH ${CLAIM_KEY}, viewed AS (
    INSERT INTO order_views (id, customer_id, status, lines, version)
    SELECT $7, account_id, 'accepted', $8, 0 FROM claimed
  ), happened AS (
    INSERT INTO order_history (order_id, version, type, at)
    SELECT $7, 0, '${ORDER_ACCEPTED}', $9 FROM claimed
  )
  SELECT account_id FROM claimed`;

/**
 * Accepts an order: the customer sees it at once, and order-service is told to place it. What becomes of it is
 * told by events.
 */
@Injectable()
export class PlaceOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
  ) {}

  /** @throws IdempotencyKeyReused */
  execute({ paymentToken, ...order }: NewOrder, call: IdempotentCall): Promise<PlaceOrderResult> {
    const acceptedAt = new Date().toISOString();
    return this.dataSource.transaction(async (tx) => {
      const claimed = (await tx.query(ACCEPT_ORDER, [
        ...claimParameters(call),
        order.id,
        JSON.stringify(order.lines),
        acceptedAt,
      ])) as unknown[];
      if (claimed.length === 0) return { answer: await answerGivenBefore(tx, call), replayed: true };

      await this.outbox.append(tx, PlaceOrderV1, {
        subject: order.id,
        sequence: 1,
        data: {
          orderId: order.id,
          customerId: call.accountId,
          lines: [...order.lines],
          acceptedAt,
          ...(paymentToken !== undefined && { paymentToken }),
        },
      });
      return { answer: call.answer, replayed: false };
    });
  }
}
