import type { Channel } from 'amqplib';

/** As in `programs/contracts.ts`, which only compiled code can load. */
export const EXCHANGE = 'readings.events';
export const TYPE = 'reading.taken.v1';

/** A quorum queue for everything that is published, made anew for each turn so that no turn finds another's messages. */
export class Sink {
  readonly #channel: Channel;
  readonly #queue: string;

  private constructor(channel: Channel, queue: string) {
    this.#channel = channel;
    this.#queue = queue;
  }

  static async open(channel: Channel, queue = 'sink'): Promise<Sink> {
    await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
    const sink = new Sink(channel, queue);
    await sink.renew();
    return sink;
  }

  get queue(): string {
    return this.#queue;
  }

  async renew(): Promise<void> {
    await this.#channel.deleteQueue(this.#queue);
    await this.#channel.assertQueue(this.#queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await this.#channel.bindQueue(this.#queue, EXCHANGE, TYPE);
  }

  /** @throws unless the broker has as many messages as were said to be published */
  async expect(messages: number): Promise<void> {
    const { messageCount } = await this.#channel.checkQueue(this.#queue);
    if (messageCount !== messages)
      throw new Error(`${messages} messages were published, and ${messageCount} arrived`);
  }
}
