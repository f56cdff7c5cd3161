import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AskedPayment {
  /** The provider's id of it. */
  readonly id: string;
  readonly key: string;
  readonly reference: string;
  readonly amount: { amount: number; currency: string };
  readonly token: string;
}

export interface AskedRefund {
  readonly key: string;
  readonly paymentId: string;
  readonly amount: { amount: number; currency: string };
}

/** A payment provider over real HTTP that does what the test says. Its decisions are told by the test itself. */
export class ScriptedPaymentProvider {
  readonly payments = new Map<string, AskedPayment>();
  readonly refunds = new Map<string, AskedRefund>();
  /** Requests that were made, repetitions included. */
  requests = 0;
  #failures = 0;
  refundsFail = false;
  #gate: Promise<void> | undefined;

  private constructor(
    readonly url: string,
    readonly apiKey: string,
    readonly close: () => Promise<void>,
    private readonly onPayment: (payment: AskedPayment) => Promise<void>,
  ) {}

  /** @param onPayment called for each new payment after its answer was sent */
  static async start(onPayment: (payment: AskedPayment) => Promise<void>): Promise<ScriptedPaymentProvider> {
    const server = createServer((request, response) => {
      provider.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const close = () =>
      new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      });
    const provider = new ScriptedPaymentProvider(
      `http://127.0.0.1:${port}`,
      'key-of-a-test',
      close,
      onPayment,
    );
    return provider;
  }

  /** Answers the next `times` requests with 503, or all until `fail(0)`. */
  fail(times: number): void {
    this.#failures = times;
  }

  /** Requests are taken and answered only after the function that is returned was called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return () => {
      this.#gate = undefined;
      resolve();
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as {
      reference: string;
      amount: { amount: number; currency: string };
      token: string;
    };
    const key = String(request.headers['idempotency-key']);
    if (request.headers.authorization !== `Bearer ${this.apiKey}`)
      return problem(response, 401, 'unauthorized');
    if (this.#failures > 0) {
      this.#failures--;
      return problem(response, 503, 'unavailable');
    }
    const refunded = /^\/v1\/payments\/(?<id>[^/]+)\/refunds$/.exec(request.url!)?.groups?.['id'];
    if (refunded !== undefined) {
      if (this.refundsFail) return problem(response, 503, 'unavailable');
      this.refunds.set(key, { key, paymentId: refunded, amount: body.amount });
      const id = refunded.replace('pay_', 'ref_');
      return answer(response, {
        id,
        paymentId: refunded,
        status: 'succeeded',
        amount: body.amount,
        createdAt: now(),
      });
    }
    if (body.token === 'tok_unusable') return problem(response, 402, 'token-unusable');
    const known = this.payments.get(key);
    const payment = known ?? { id: `pay_${key.replaceAll('-', '')}`, key, ...body };
    this.payments.set(key, payment);
    await this.#gate;
    const { id, reference, amount } = payment;
    answer(response, { id, reference, status: 'pending', amount, createdAt: now() });
    if (!known) await this.onPayment(payment);
  }
}

const now = () => new Date().toISOString();

function answer(response: ServerResponse, body: object): void {
  response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ title: code, status, code }));
}
