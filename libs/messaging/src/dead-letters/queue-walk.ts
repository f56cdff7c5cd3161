import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { QueueReader } from './queue-reader.ts';

/**
 * Messages that wait here for their turn are few: 256 at first, a quarter of what is held when that is more, but
 * never beyond 8,192. So 130,000 held messages need no more than 32 consumers: the broker gives back in the order
 * of their tags up to that number (an Erlang map of 32 keys is sorted), and beyond it by blocks.
 */
const windowFor = (held: number): number => Math.min(8_192, Math.max(256, held / 4));

/**
 * Goes through the messages of a queue one by one, from its head: each is either taken out of the queue or held, and
 * what is held is back in the queue, in its place, when the walk closes.
 */
export class QueueWalk {
  readonly #reader: QueueReader;
  readonly #waiting: ConsumeMessage[];
  #walked = 0;

  private constructor(reader: QueueReader, waiting: ConsumeMessage[]) {
    this.#reader = reader;
    this.#waiting = waiting;
  }

  /** @throws ReadingInterrupted */
  static async open(model: ChannelModel, queue: string): Promise<QueueWalk> {
    const waiting: ConsumeMessage[] = [];
    const onMessage = (message: ConsumeMessage) => void waiting.push(message);
    const reader = await QueueReader.open(model, { queue, windowFor, onMessage });
    await reader.start();
    return new QueueWalk(reader, waiting);
  }

  /** Messages that were in the queue when the walk began; it ends when it has come so far. */
  get length(): number {
    return this.#reader.ready;
  }

  get walked(): number {
    return this.#walked;
  }

  /** Of the messages that were there when the walk began, how many are left in the queue. */
  get remaining(): number {
    return this.#reader.remaining;
  }

  /** Milliseconds for which the first messages may be in hand by now. */
  get ageMs(): number {
    return Date.now() - this.#reader.openedAt;
  }

  /** False when the channel is gone: what was not taken is back in the queue. */
  get live(): boolean {
    return this.#reader.live;
  }

  /** What has come and was not given out by `next` yet. */
  get ahead(): readonly ConsumeMessage[] {
    return this.#waiting;
  }

  /**
   * @returns undefined at the end
   * @throws ReadingInterrupted
   */
  async next(): Promise<ConsumeMessage | undefined> {
    if (this.#walked >= this.length) return undefined;
    this.#reader.assertLive(); // what waits here of a lost channel is in the queue again
    while (this.#waiting.length === 0) {
      if (!(await this.#reader.untilDelivered(this.#reader.delivered + 1))) return undefined;
    }
    this.#walked += 1;
    return this.#waiting.shift();
  }

  /** The message stays in the queue. */
  hold(): void {
    if (this.#walked < this.length) this.#reader.hold();
  }

  /** The message leaves the queue. */
  take(message: ConsumeMessage): void {
    this.#reader.take(message);
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}
