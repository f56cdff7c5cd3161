import { eventually } from '@warren/testing';
import { connect, type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib';

const QUEUE = 'rig.tap';
const EXCHANGES = ['items.events', 'counts.events'];
/** Messages that a bounded tap takes before it refuses more. */
const BOUND = 40;
const TRICKLE_MS = 30;

export interface DeadLetter {
  id: string;
  reason: string;
}

/**
 * A queue of the rig that gets every event, so that the order and the number of publishes can be seen as the broker
 * saw them. A bounded one refuses messages when it is full (`reject-publish`), and with it the broker refuses the
 * publish.
 *
 * Commands don't come here: a command that only the tap received would count as received.
 */
export class Tap {
  readonly #url: string;
  readonly #isBounded: boolean;
  readonly #seen: string[] = [];
  #model: ChannelModel | undefined;
  #channel: Channel | undefined;

  private constructor(url: string, isBounded: boolean) {
    this.#url = url;
    this.#isBounded = isBounded;
  }

  static async open(url: string, isBounded: boolean): Promise<Tap> {
    const tap = new Tap(url, isBounded);
    const model = await connect(url);
    const channel = await model.createChannel();
    await channel.assertQueue(QUEUE, {
      durable: true,
      arguments: isBounded
        ? { 'x-queue-type': 'classic', 'x-max-length': BOUND, 'x-overflow': 'reject-publish' }
        : { 'x-queue-type': 'quorum' },
    });
    for (const exchange of EXCHANGES) {
      await channel.assertExchange(exchange, 'topic', { durable: true });
      await channel.bindQueue(QUEUE, exchange, '#');
    }
    if (isBounded) {
      tap.#model = model;
      await tap.flow();
    } else {
      await model.close();
    }
    return tap;
  }

  /** A bounded tap takes what comes. */
  async flow(): Promise<void> {
    await this.#consume(100, (acknowledge) => acknowledge());
  }

  /** A bounded tap takes a message now and then: it is full soon, and has room for one every few milliseconds. */
  async trickle(): Promise<void> {
    await this.#consume(1, (acknowledge) => void setTimeout(acknowledge, TRICKLE_MS));
  }

  /** Each way of taking has a channel of its own; what the one before has not acknowledged is taken again first. */
  async #consume(prefetch: number, settle: (acknowledge: () => void) => void): Promise<void> {
    const before = this.#channel;
    this.#channel = undefined;
    await before?.close();
    const channel = await this.#model!.createChannel();
    this.#channel = channel;
    await channel.prefetch(prefetch);
    await channel.consume(QUEUE, (message) => {
      if (!message) return;
      settle(() => {
        if (this.#channel !== channel) return;
        this.#seen.push(message.properties.messageId as string);
        channel.ack(message);
      });
    });
  }

  /** The ids of all messages, in the order in which the broker took them. To be called when nothing comes any more. */
  async messages(): Promise<string[]> {
    if (this.#isBounded) {
      await eventually(async () => {
        if ((await this.#channel!.checkQueue(QUEUE)).messageCount > 0)
          throw new Error('the tap is not empty yet');
      });
      return this.#seen;
    }
    return (await takeAll(this.#url, QUEUE)).map(({ properties }) => properties.messageId as string);
  }

  async close(): Promise<void> {
    await this.#model?.close();
  }
}

/** Takes everything out of a queue that nobody else consumes or publishes to. */
async function takeAll(url: string, queue: string): Promise<ConsumeMessage[]> {
  const model = await connect(url);
  try {
    const channel = await model.createChannel();
    const { messageCount } = await channel.checkQueue(queue);
    const taken: ConsumeMessage[] = [];
    if (messageCount === 0) return taken;
    return await new Promise((resolve, reject) => {
      channel.once('close', () => reject(new Error(`the channel closed while ${queue} was read`)));
      const take = (message: ConsumeMessage | null): void => {
        if (message) taken.push(message);
        if (taken.length === messageCount) resolve(taken);
      };
      channel.consume(queue, take, { noAck: true }).catch(reject);
    });
  } finally {
    await model.close();
  }
}

export async function deadLetters(url: string, queue: string): Promise<DeadLetter[]> {
  return (await takeAll(url, queue)).map(({ properties }) => ({
    id: properties.messageId as string,
    reason: String(properties.headers?.['x-warren-reason']),
  }));
}

/** Messages that wait in each queue; a queue that is not there is an error. */
export async function depths(url: string, queues: readonly string[]): Promise<number[]> {
  const model = await connect(url);
  try {
    const channel = await model.createChannel();
    const found: number[] = [];
    for (const queue of queues) found.push((await channel.checkQueue(queue)).messageCount);
    return found;
  } finally {
    await model.close();
  }
}
