import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { v7 as uuidv7 } from 'uuid';
import { CALLBACK_SECRET, type Answer, type GatewayUnderTest } from './gateway-under-test.ts';

export const now = (): number => Math.floor(Date.now() / 1000);

/** A callback as the provider means it. */
export type Callback = {
  id: string;
  type: string;
  createdAt: string;
  payment: { id: string; reference: string; amount: { amount: number; currency: string } };
};

export function callback(change: Partial<Callback> = {}): Callback {
  return {
    id: `evt_${randomBytes(16).toString('hex')}`,
    type: 'payment.approved',
    createdAt: '2026-01-15T09:31:02.000Z',
    payment: {
      id: `pay_${randomBytes(16).toString('hex')}`,
      reference: uuidv7(),
      amount: { amount: 4900, currency: 'EUR' },
    },
    ...change,
  };
}

/** One attempt to tell it: a request. */
export interface Attempt {
  headers: Record<string, string>;
  body: string;
}

/** Signs with the reference implementation of Standard Webhooks. */
export function attemptOf(
  event: { id: string; [field: string]: unknown },
  { at = now(), secret = CALLBACK_SECRET, body = JSON.stringify(event) } = {},
): Attempt {
  return {
    headers: {
      'content-type': 'application/json',
      'webhook-id': event.id,
      'webhook-timestamp': String(at),
      'webhook-signature': new Webhook(secret).sign(event.id, new Date(at * 1000), body),
    },
    body,
  };
}

export const send = (gateway: GatewayUnderTest, attempt: Attempt): Promise<Answer> =>
  gateway.call('POST', '/v1/payment-callbacks', attempt);
