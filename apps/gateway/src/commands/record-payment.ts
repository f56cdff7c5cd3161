import { Injectable } from '@nestjs/common';
import { RecordPaymentV1 } from '@warren/contracts';
import { Outbox } from '@warren/messaging';
import { DataSource } from 'typeorm';
import type { SignedWebhook } from '../credentials/webhook-signature.ts';
import { claimCallback } from '../storage/payment-callbacks.ts';

/** What the provider tells of a payment. */
export type PaymentWord = Omit<RecordPaymentV1, 'callbackId'>;

/** Passes on to order-service what the payment provider tells, once for each callback. */
@Injectable()
export class RecordPayment {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
  ) {}

  /**
   * @returns whether the callback is new; one that is repeated by the provider has no second effect
   * @throws CallbackReplayed when this very request was taken before
   */
  execute(callback: SignedWebhook, word: PaymentWord): Promise<boolean> {
    return this.dataSource.transaction(async (tx) => {
      if (!(await claimCallback(tx, callback, true))) return false;
      await this.outbox.append(tx, RecordPaymentV1, {
        subject: word.orderId,
        sequence: 0,
        data: { ...word, callbackId: callback.id },
      });
      return true;
    });
  }

  /**
   * Takes a callback of which nothing follows. It is not remembered by its id: if the provider is asked to repeat it to
   * a gateway that knows what it means, it is new.
   *
   * @throws CallbackReplayed when this very request was taken before
   */
  async ignore(callback: SignedWebhook): Promise<void> {
    await claimCallback(this.dataSource.manager, callback, false);
  }
}
