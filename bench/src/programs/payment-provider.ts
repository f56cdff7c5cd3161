import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { answerCalls } from './answer-calls.ts';

/** Orders whose payment was asked for, and those whose refund was. */
let payments = new Set<string>();
let refunds = new Set<string>();
let gate = Promise.withResolvers<void>();
gate.resolve();

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = (await json(request)) as { reference?: string; amount: unknown };
  await gate.promise;
  const paid = /^\/v1\/payments\/(pay_[^/]+)\/refunds$/.exec(request.url!)?.[1];
  const createdAt = new Date().toISOString();
  const { amount, reference } = body;
  response.writeHead(201, { 'content-type': 'application/json' });
  if (paid === undefined) {
    payments.add(reference!);
    response.end(
      JSON.stringify({ id: paymentOf(reference!), reference, status: 'pending', amount, createdAt }),
    );
  } else {
    refunds.add(paid);
    const id = paid.replace('pay_', 'ref_');
    response.end(JSON.stringify({ id, paymentId: paid, status: 'succeeded', amount, createdAt }));
  }
}

/** The id that the provider gives the payment of an order. */
const paymentOf = (orderId: string): string => `pay_${orderId.replaceAll('-', '')}`;

const methods = {
  /** @returns where it listens */
  async open(): Promise<string> {
    const server = createServer((request, response) => {
      serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },

  /** Takes requests from now on and answers none of them until `release`. */
  async hold(): Promise<void> {
    gate = Promise.withResolvers();
  },

  async release(): Promise<void> {
    gate.resolve();
  },

  /** How many payments and refunds were asked for since the last look, repetitions left out. */
  async asked(): Promise<{ payments: number; refunds: number }> {
    const asked = { payments: payments.size, refunds: refunds.size };
    payments = new Set();
    refunds = new Set();
    return asked;
  },
};

export type PaymentProviderMethods = typeof methods;
answerCalls(methods);
