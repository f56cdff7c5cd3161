import { randomUUID } from 'node:crypto';
import type { FaultSettings } from '../faults.ts';
import type { Money, Outcome, Payment, PaymentState, Refund } from '../payments/payment.ts';
import { API_KEY, type SandboxProcess } from './sandbox-process.ts';

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T & { code?: string; detail?: string };
}

const PRICE: Money = { amount: 4_900, currency: 'EUR' };

/** Who calls the sandbox. */
export class Shop {
  constructor(readonly sandbox: SandboxProcess) {}

  async call<T>(method: string, path: string, { body, headers }: RequestInit = {}): Promise<Answer<T>> {
    const response = await fetch(new URL(path, this.sandbox.url), {
      method,
      headers: {
        authorization: `Bearer ${API_KEY}`,
        ...(body != null && { 'content-type': 'application/json' }),
        ...(headers as Record<string, string>),
      },
      ...(body != null && { body }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  }

  charge(
    token: string,
    {
      reference = randomUUID(),
      key = reference,
      amount = PRICE,
    }: { reference?: string; key?: string; amount?: Money } = {},
  ): Promise<Answer<Payment>> {
    const body = JSON.stringify({ reference, amount, token });
    return this.call('POST', '/v1/payments', { body, headers: { 'idempotency-key': key } });
  }

  refund(payment: string, amount: Money, key: string = randomUUID()): Promise<Answer<Refund>> {
    const body = JSON.stringify({ amount });
    return this.call('POST', `/v1/payments/${payment}/refunds`, {
      body,
      headers: { 'idempotency-key': key },
    });
  }

  payment(id: string): Promise<Answer<PaymentState>> {
    return this.call('GET', `/v1/payments/${id}`);
  }

  list(
    query: Record<string, string> = {},
  ): Promise<Answer<{ items: PaymentState[]; nextCursor: string | null }>> {
    return this.call('GET', `/v1/payments?${new URLSearchParams(query).toString()}`);
  }

  decide(id: string, outcome: Outcome): Promise<Answer<PaymentState>> {
    return this.call('POST', `/sandbox/payments/${id}/decision`, { body: JSON.stringify({ outcome }) });
  }

  faults(settings: Partial<FaultSettings>): Promise<Answer<FaultSettings>> {
    return this.call('PUT', '/sandbox/faults', { body: JSON.stringify(settings) });
  }
}
