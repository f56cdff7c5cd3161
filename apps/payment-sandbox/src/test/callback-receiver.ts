import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import type { Money } from '../payments/payment.ts';
import { CALLBACK_SECRET } from './sandbox-process.ts';

export interface ReceivedCallback {
  webhookId: string;
  /** Seconds. */
  timestamp: number;
  body: string;
  event: {
    id: string;
    type: string;
    createdAt: string;
    payment: { id: string; reference: string; amount: Money };
  };
}

/** What a receiver does with a callback: a status, `silence` for no answer, or something to wait for first. */
export type Reaction = (received: ReceivedCallback) => number | 'silence' | Promise<number>;

/** The place to which the sandbox tells outcomes. Signatures are verified as any receiver would. */
export class CallbackReceiver {
  readonly received: ReceivedCallback[] = [];
  /** Default: takes everything. */
  reaction: Reaction = () => 204;
  readonly #server: Server;
  readonly #faults: unknown[] = [];

  private constructor() {
    const webhook = new Webhook(CALLBACK_SECRET);
    this.#server = createServer((request, response) => {
      void (async () => {
        const body = await text(request);
        try {
          const event = webhook.verify(
            body,
            request.headers as Record<string, string>,
          ) as ReceivedCallback['event'];
          const received: ReceivedCallback = {
            webhookId: request.headers['webhook-id'] as string,
            timestamp: Number(request.headers['webhook-timestamp']),
            body,
            event,
          };
          this.received.push(received);
          const status = await this.reaction(received);
          if (status !== 'silence') response.writeHead(status).end();
        } catch (error) {
          this.#faults.push(error);
          response.writeHead(400).end();
        }
      })();
    });
  }

  static async listen(): Promise<CallbackReceiver> {
    const receiver = new CallbackReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/callbacks`;
  }

  about(payment: string): ReceivedCallback[] {
    return this.received.filter(({ event }) => event.payment.id === payment);
  }

  /** @throws when a callback could not be verified */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    if (this.#faults.length > 0)
      throw new AggregateError(this.#faults, 'callbacks that no receiver would take');
  }
}
