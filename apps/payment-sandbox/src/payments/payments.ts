import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Outcomes } from '../callbacks/outcomes.ts';
import { SANDBOX_CONFIG, type SandboxConfig } from '../config.ts';
import { Faults } from '../faults.ts';
import { Database } from '../storage/database.ts';
import { IdempotencyKeys } from '../storage/idempotency-keys.ts';
import { PaymentStore } from '../storage/payment-store.ts';
import {
  prospectOf,
  type Money,
  type Outcome,
  type Payment,
  type PaymentState,
  type Refund,
} from './payment.ts';
import { Refusal } from './refusal.ts';

export interface NewPayment {
  reference: string;
  amount: Money;
  token: string;
}

/** What callers can have done. All of it throws {@link Refusal}. */
@Injectable()
export class Payments {
  constructor(
    private readonly database: Database,
    private readonly keys: IdempotencyKeys,
    private readonly store: PaymentStore,
    private readonly outcomes: Outcomes,
    private readonly faults: Faults,
    @Inject(SANDBOX_CONFIG) private readonly config: SandboxConfig,
  ) {}

  /** The token is not kept: only what it will bring, and a hash that tells the same call from another. */
  async create(key: string, { reference, amount, token }: NewPayment): Promise<Payment> {
    const prospect = prospectOf(token);
    const payment = this.database.transaction(() =>
      this.keys.once(key, ['payment', reference, amount.amount, amount.currency, token], (): Payment => {
        if (prospect === undefined) throw new Refusal('token-unusable', 'this token will never pay');
        const now = new Date();
        const created: Payment = {
          id: newId('pay'),
          reference,
          status: 'pending',
          amount,
          createdAt: now.toISOString(),
        };
        const waitMs = prospect?.slow ? this.config.WARREN_SANDBOX_SLOW_MS : 0;
        const decideAt = prospect && new Date(now.getTime() + waitMs);
        this.store.insert(created, prospect?.outcome ?? null, decideAt);
        return created;
      }),
    );
    if (this.faults.settings.callbackBeforeAnswer && prospect && !prospect.slow) {
      await this.outcomes.decideAndTell(payment.id, prospect.outcome);
    } else {
      this.outcomes.wake();
    }
    return payment;
  }

  refund(key: string, paymentId: string, { amount, currency }: Money): Refund {
    return this.database.transaction(() =>
      this.keys.once(key, ['refund', paymentId, amount, currency], () => {
        const payment = this.get(paymentId);
        assertRefundable(payment, { amount, currency });
        const refund: Refund = {
          id: newId('ref'),
          paymentId,
          status: 'succeeded',
          amount: { amount, currency },
          createdAt: new Date().toISOString(),
        };
        this.store.insertRefund(refund);
        return refund;
      }),
    );
  }

  /** Takes the decision over from the token. The same decision again changes nothing. */
  decide(paymentId: string, outcome: Outcome): PaymentState {
    this.outcomes.decide(paymentId, outcome);
    const payment = this.get(paymentId);
    if (payment.status !== outcome) {
      throw new Refusal('already-decided', `the payment is ${payment.status}, and stays so`);
    }
    return payment;
  }

  get(paymentId: string): PaymentState {
    const payment = this.store.find(paymentId);
    if (!payment) throw new Refusal('payment-unknown', 'there is no such payment');
    return payment;
  }
}

function assertRefundable({ status, amount, refunded }: PaymentState, asked: Money): void {
  const refuse = (why: string) => {
    throw new Refusal('not-refundable', why);
  };
  if (status !== 'approved') refuse(`the payment is ${status}: only an approved one can be refunded`);
  if (asked.currency !== amount.currency)
    refuse(`the payment is in ${amount.currency}, not in ${asked.currency}`);
  const left = amount.amount - refunded.amount;
  if (asked.amount > left)
    refuse(`of the payment's ${amount.amount}, ${left} is left to refund, not ${asked.amount}`);
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(16).toString('hex')}`;
}
