import { Injectable } from '@nestjs/common';
import { CancelOrderV1 } from '@warren/contracts';
import { Outbox } from '@warren/messaging';
import { DataSource } from 'typeorm';
import { ViewNews } from '../live/view-news.ts';
import {
  answerGivenBefore,
  CLAIM_KEY,
  claimParameters,
  type IdempotentCall,
  type StoredAnswer,
} from '../storage/idempotency-keys.ts';
import { CANCELLATION_REQUESTED } from '../storage/order-views.ts';

export interface CancelOrderResult {
  answer: StoredAnswer;
  /** Whether the answer is that of an earlier call, which had the effect. */
  replayed: boolean;
}

/** The first request is part of the history; further ones would only make it longer. */
const REQUEST_CANCELLATION = `
  WITH ${CLAIM_KEY}, happened AS (
    INSERT INTO order_history (order_id, version, type, at)
    SELECT $7, 0, '${CANCELLATION_REQUESTED}', $8 FROM claimed ON CONFLICT DO NOTHING
  )
  SELECT account_id FROM claimed`;

/**
 * Passes a customer's wish to cancel an order on to order-service, which alone knows whether it is too late. What
 * becomes of it is told by events.
 */
@Injectable()
export class CancelOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
    private readonly news: ViewNews,
  ) {}

  /**
   * @param orderId of an order that the gateway has told the caller of
   * @throws IdempotencyKeyReused
   */
  execute(orderId: string, call: IdempotentCall): Promise<CancelOrderResult> {
    const requestedAt = new Date().toISOString();
    return this.dataSource.transaction(async (tx) => {
      const claimed = (await tx.query(REQUEST_CANCELLATION, [
        ...claimParameters(call),
        orderId,
        requestedAt,
      ])) as unknown[];
      if (claimed.length === 0) return { answer: await answerGivenBefore(tx, call), replayed: true };

      this.news.changed(tx, orderId);
      await this.outbox.append(tx, CancelOrderV1, {
        subject: orderId,
        sequence: 0,
        data: { orderId, customerId: call.accountId, requestedAt },
      });
      return { answer: call.answer, replayed: false };
    });
  }
}
