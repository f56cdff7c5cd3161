import { randomUUID } from 'node:crypto';

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  errors?: { pointer: string; detail: string }[];
}

export interface Order {
  id: string;
  status: string;
  lines: { sku: string; quantity: number; unitPrice?: { amount: number; currency: string } }[];
  total: { amount: number; currency: string } | null;
  version: number;
  reason?: string;
  history: { type: string; at: string }[];
}

export interface StoredFile {
  id: string;
  name: string;
  size: number;
  mediaType: string | null;
  sha256: string | null;
  status: string;
  reason?: string;
  result: { rows?: number; width?: number; height?: number } | null;
  derivatives: { name: string; mediaType: string; size: number }[];
}

export interface Product {
  sku: string;
  name: string;
  unitPrice: { amount: number; currency: string };
  available: number;
}

/** An answer that was not what the caller counted on. */
export class UnexpectedAnswer extends Error {}

/** The gateway as a customer's program sees it. */
export class ApiClient {
  readonly #base: string;
  constructor(base: string) {
    this.#base = base;
  }

  call(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(new URL(path, this.#base), { method, ...init });
  }

  async expect<T>(status: number, method: string, path: string, init: RequestInit = {}): Promise<T> {
    const response = await this.call(method, path, init);
    const text = await response.text();
    if (response.status !== status) {
      throw new UnexpectedAnswer(
        `${method} ${path} answered ${response.status} instead of ${status}: ${text}`,
      );
    }
    return JSON.parse(text) as T;
  }

  products(customer: Customer): Promise<{ items: Product[] }> {
    return this.expect(200, 'GET', '/v1/products', { headers: customer.headers });
  }

  /** Signs somebody new up, and in. */
  async newCustomer(displayName = 'Ada Lovelace'): Promise<Customer> {
    const email = `customer-${randomUUID()}@example.com`;
    const password = randomUUID();
    const headers = { 'content-type': 'application/json' };
    const { id } = await this.expect<{ id: string }>(201, 'POST', '/v1/users', {
      headers,
      body: JSON.stringify({ email, displayName, password }),
    });
    const { accessToken } = await this.expect<{ accessToken: string }>(201, 'POST', '/v1/sessions', {
      headers,
      body: JSON.stringify({ email, password }),
    });
    return new Customer(this, id, email, accessToken);
  }
}

/** Somebody who is signed in. */
export class Customer {
  readonly id: string;
  readonly email: string;
  readonly headers: Record<string, string>;
  readonly #api: ApiClient;

  constructor(api: ApiClient, id: string, email: string, accessToken: string) {
    this.#api = api;
    this.id = id;
    this.email = email;
    this.headers = { authorization: `Bearer ${accessToken}` };
  }

  /**
   * @param paymentToken default: none, which the sandbox takes for one that is approved
   * @returns the order's id
   */
  async placeOrder(
    lines: { sku: string; quantity: number }[],
    key: string = randomUUID(),
    paymentToken?: string,
  ): Promise<string> {
    const accepted = await this.#api.expect<{ id: string }>(202, 'POST', '/v1/orders', {
      headers: { ...this.headers, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ lines, paymentToken }),
    });
    return accepted.id;
  }

  async cancelOrder(id: string, key: string = randomUUID()): Promise<void> {
    await this.#api.expect(202, 'POST', `/v1/orders/${id}/cancellation`, {
      headers: { ...this.headers, 'idempotency-key': key },
    });
  }

  order(id: string): Promise<Order> {
    return this.#api.expect(200, 'GET', `/v1/orders/${id}`, { headers: this.headers });
  }

  /** @returns the file's id */
  async upload(name: string, bytes: Uint8Array): Promise<string> {
    const body = new FormData();
    body.set('file', new Blob([new Uint8Array(bytes)]), name);
    const accepted = await this.#api.expect<{ id: string }>(202, 'POST', '/v1/files', {
      headers: this.headers,
      body,
    });
    return accepted.id;
  }

  file(id: string): Promise<StoredFile> {
    return this.#api.expect(200, 'GET', `/v1/files/${id}`, { headers: this.headers });
  }
}
