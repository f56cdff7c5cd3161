import type { EventEnvelope, OrderPaymentRequestedV1 } from '@warren/contracts';
import { connect, type ConfirmChannel } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { answerCalls } from './answer-calls.ts';
import { publishDecision, publishOrder } from './order-messages.ts';

/** Commands that wait for their confirm. */
const WINDOW = 500;
const EXCHANGE = 'orders.events';
const LINES = [1, 2, 3];

let channel: ConfirmChannel;
let skus: readonly string[];
/** Orders that were sent and have not been told to be so. */
const toPlace = new Set<string>();
const toConfirm = new Set<string>();
let placed = Promise.withResolvers<void>();
let confirmed = Promise.withResolvers<void>();

function hear({ type, subject, data }: EventEnvelope<object>): void {
  switch (type) {
    case 'order.placed.v1':
      if (toPlace.delete(subject) && toPlace.size === 0) placed.resolve();
      return;
    case 'order.payment-requested.v1': {
      const { orderId, paymentId, total } = data as OrderPaymentRequestedV1;
      publishDecision(channel, { orderId, paymentId, outcome: 'approved', amount: total });
      return;
    }
    case 'order.confirmed.v1':
      if (toConfirm.delete(subject) && toConfirm.size === 0) confirmed.resolve();
      return;
    default: {
      const error = new Error(`order ${subject} was to be confirmed, and there is ${type}`);
      placed.reject(error);
      confirmed.reject(error);
    }
  }
}

/** Products next to each other are in one order, so that each product is in as many orders as any other. */
function linesOf(n: number): { sku: string; quantity: number }[] {
  const first = Math.floor(Math.random() * skus.length);
  const lines = LINES[n % LINES.length]!;
  return Array.from({ length: lines }, (_, i) => ({ sku: skus[(first + i) % skus.length]!, quantity: 1 }));
}

async function send(orders: number): Promise<void> {
  for (let n = 0; n < orders; n += 1) {
    const orderId = uuidv7();
    toPlace.add(orderId);
    toConfirm.add(orderId);
    publishOrder(channel, { orderId, customerId: uuidv7(), lines: linesOf(n), paymentToken: 'tok_ok' });
    if (n % WINDOW === WINDOW - 1) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
}

const secondsSince = (start: number): number => (performance.now() - start) / 1_000;

const methods = {
  async open(given: { amqpUrl: string; skus: readonly string[] }): Promise<void> {
    skus = given.skus;
    const model = await connect(given.amqpUrl);
    channel = await model.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, EXCHANGE, '#');
    await channel.consume(
      queue,
      (message) => {
        if (!message) throw new Error('the broker cancelled the consumer of events');
        hear(JSON.parse(message.content.toString()) as EventEnvelope<object>);
      },
      { noAck: true },
    );
  },

  /**
   * Sends orders at once, and decides each payment as soon as it was asked for.
   *
   * @returns seconds from the first command to the event of the last order that was placed, and was confirmed
   */
  async order({ orders }: { orders: number }): Promise<{ placed: number; confirmed: number }> {
    placed = Promise.withResolvers();
    confirmed = Promise.withResolvers();
    const start = performance.now();
    const took = () => secondsSince(start);
    const [, placedIn, confirmedIn] = await Promise.all([
      send(orders),
      placed.promise.then(took),
      confirmed.promise.then(took),
    ]);
    return { placed: placedIn, confirmed: confirmedIn };
  },

  /** As `order`, and returns when all are placed: the payments are not asked for yet. */
  async place({ orders }: { orders: number }): Promise<number> {
    placed = Promise.withResolvers();
    confirmed = Promise.withResolvers();
    confirmed.promise.catch(() => undefined); // told by `placed`, or by `confirm`
    const start = performance.now();
    const [, seconds] = await Promise.all([send(orders), placed.promise.then(() => secondsSince(start))]);
    return seconds;
  },

  /** Waits until what `place` has sent is confirmed. */
  async confirm(): Promise<void> {
    await confirmed.promise;
  },
};

export type OrderingMethods = typeof methods;
answerCalls(methods);
