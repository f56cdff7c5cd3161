import type { OnApplicationShutdown } from '@nestjs/common';
import { PermanentFailure } from '@warren/messaging';
import type { Money } from '../domain/money.ts';
import { PaymentApi, type PaymentApiAnswer, type PaymentApiOptions } from './payment-api.ts';
import type { PaymentAnswer, PaymentProvider, PaymentRequest, RefundRequest } from './payment-provider.ts';

/**
 * The provider took something other than what it was asked for, or does not say so in the words of its protocol.
 * Never taken for success; the message is tried again and ends in the dead-letter queue when that goes on.
 */
export class ContradictoryAnswer extends Error {
  override readonly name = 'ContradictoryAnswer';
}

type Body = PaymentApiAnswer['body'];

const PAYMENT_ID = /^pay_[0-9a-f]{32}$/;
const REFUND_ID = /^ref_[0-9a-f]{32}$/;
const PAYMENT_STATUS = new Set<unknown>(['pending', 'approved', 'declined']);
const CODE = /^[a-z0-9]+(?:-[a-z0-9]+){0,9}$/;
const LONGEST_CODE = 60;

/** A payment provider that speaks the protocol of docs/payment-provider.md. */
export class HttpPaymentProvider implements PaymentProvider, OnApplicationShutdown {
  readonly #api: PaymentApi;

  constructor(options: PaymentApiOptions) {
    this.#api = new PaymentApi(options);
  }

  async request({ orderId, amount, token }: PaymentRequest, signal?: AbortSignal): Promise<PaymentAnswer> {
    const answer = await this.#api.post({
      path: '/v1/payments',
      idempotencyKey: orderId,
      body: { reference: orderId, amount: plain(amount), token },
      secrets: [token],
      signal,
    });
    if (answer.status === 402) return { accepted: false, code: codeOf(answer.body, token) };
    const what = `the payment of order ${orderId}`;
    const { id, reference, status, amount: taken } = taken201(answer, what);
    if (!matches(PAYMENT_ID, id)) throw contradiction(what, 'an id', 'pay_ and 32 hexadecimal digits');
    if (reference !== orderId) throw contradiction(what, 'a reference', 'the id of the order');
    if (!PAYMENT_STATUS.has(status)) throw contradiction(what, 'a status', 'pending');
    if (!isSame(taken, amount)) throw contradiction(what, 'an amount', 'what was asked for');
    return { accepted: true, paymentId: id };
  }

  async refund(
    { orderId, paymentId, amount }: RefundRequest,
    signal?: AbortSignal,
  ): Promise<{ readonly refundId: string }> {
    const answer = await this.#api.post({
      path: `/v1/payments/${encodeURIComponent(paymentId)}/refunds`,
      idempotencyKey: `${orderId}-refund`,
      body: { amount: plain(amount) },
      signal,
    });
    const what = `the refund of payment ${paymentId} of order ${orderId}`;
    const { id, paymentId: refunded, status, amount: taken } = taken201(answer, what);
    if (!matches(REFUND_ID, id)) throw contradiction(what, 'an id', 'ref_ and 32 hexadecimal digits');
    if (refunded !== paymentId) throw contradiction(what, 'a payment', 'the one that was named');
    if (status !== 'succeeded') throw contradiction(what, 'a status', 'succeeded');
    if (!isSame(taken, amount)) throw contradiction(what, 'an amount', 'what was asked for');
    return { refundId: id };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#api.close();
  }
}

/** @throws PermanentFailure unless the provider took the request */
function taken201({ status, body, explanation }: PaymentApiAnswer, what: string): Body {
  if (status === 201) return body;
  throw new PermanentFailure(`the payment provider refuses ${what} (${status}): ${explanation}`);
}

/** Quotes nothing of the answer: whatever it holds is not what was expected there. */
function contradiction(what: string, field: string, expected: string): ContradictoryAnswer {
  return new ContradictoryAnswer(
    `the payment provider answered 201 to ${what} with ${field} that is not ${expected}`,
  );
}

/** The word for why a token is refused, if it is one: it goes to logs. */
function codeOf({ code }: Body, token: string): string {
  const isWord = matches(CODE, code) && code.length <= LONGEST_CODE;
  return isWord && !code.includes(token.toLowerCase()) ? code : 'unspecified';
}

function matches(pattern: RegExp, value: unknown): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function isSame(value: unknown, { amount, currency }: Money): boolean {
  const { amount: otherAmount, currency: otherCurrency } = (value ?? {}) as Record<string, unknown>;
  return otherAmount === amount && otherCurrency === currency;
}

const plain = ({ amount, currency }: Money): Money => ({ amount, currency });
