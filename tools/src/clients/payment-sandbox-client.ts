import type { Endpoints } from '../system/endpoints.ts';
import { UnexpectedAnswer } from './api-client.ts';

export interface SandboxPayment {
  id: string;
  reference: string;
  status: 'pending' | 'approved' | 'declined';
  amount: { amount: number; currency: string };
  refunded: { amount: number; currency: string };
}

/** The payment sandbox as its operator sees it: docs/payment-provider.md */
export class PaymentSandboxClient {
  readonly #url: string;
  readonly #apiKey: string;

  constructor({ url, apiKey }: Endpoints['paymentSandbox']) {
    this.#url = url;
    this.#apiKey = apiKey;
  }

  /** @param reference the order's id */
  async paymentsOf(reference: string): Promise<SandboxPayment[]> {
    const path = `/v1/payments?${new URLSearchParams({ reference }).toString()}`;
    return (await this.#call<{ items: SandboxPayment[] }>('GET', path)).items;
  }

  /** Decides a payment that is pending. */
  async decide(paymentId: string, outcome: 'approved' | 'declined'): Promise<SandboxPayment> {
    return this.#call('POST', `/sandbox/payments/${paymentId}/decision`, { outcome });
  }

  /** Replaces all faults that are set; without any, takes them back. */
  async setFaults(faults: Record<string, number | boolean> = {}): Promise<void> {
    await this.#call('PUT', '/sandbox/faults', faults);
  }

  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(new URL(path, this.#url), {
      method,
      headers: {
        authorization: `Bearer ${this.#apiKey}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new UnexpectedAnswer(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }
}
