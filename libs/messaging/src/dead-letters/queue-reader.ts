import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { pause } from '../timing.ts';
import { countsOf, ReadingInterrupted } from './queue-counts.ts';

export interface QueueReaderOptions {
  queue: string;
  /** How many messages the next consumer may have in hand, when so many are held already. Up to 65,535. */
  windowFor(held: number): number;
  onMessage(message: ConsumeMessage): void;
}

const LARGEST_WINDOW = 65_535;
/** How long a queue may take until it shows again what was given back. Another reader may have taken it meanwhile. */
const RETURN_TIMEOUT_MS = 3_000;
/** Nothing comes for so long: then the queue is asked whether anything is left. */
const IDLE_MS = 1_000;

/**
 * Reads a queue from its head without taking from it what it doesn't acknowledge, however long the queue is: what
 * stays in hand is known to the broker alone, and costs no memory here.
 *
 * A consumer has at most its prefetch in hand. Once all of that is held, the next consumer, on the same channel, gets
 * the messages behind. What is held is given back by closing the channel, because a quorum queue then puts it before
 * what was never delivered, in the order that it had; a `basic.nack` of many messages shuffles them (RabbitMQ 3.10).
 * A process that is killed gives back in the same way. Each look counts as one delivery, of the 1,000,000 that our
 * dead-letter queues allow.
 */
export class QueueReader {
  readonly openedAt = Date.now();
  readonly #options: QueueReaderOptions;
  readonly #model: ChannelModel;
  readonly #channel: Channel;
  readonly #tags: string[] = [];
  #ready = 0;
  #delivered = 0;
  #held = 0;
  #taken = 0;
  /** Messages that all consumers together may have in hand. */
  #capacity = 0;
  /** The next consumer, until the broker has it. */
  #opening: Promise<void> | undefined;
  #lost: Error | undefined;
  #state: 'reading' | 'sweeping' | 'closed' = 'reading';
  #wake: (() => void) | undefined;

  private constructor(model: ChannelModel, channel: Channel, options: QueueReaderOptions) {
    this.#model = model;
    this.#channel = channel;
    this.#options = options;
    channel.on('error', (error: Error) => this.#lose(error.message));
    channel.on('close', () => this.#lose('the channel closed'));
  }

  /**
   * @returns a reader that knows how many messages there are, and gets them after `start`
   * @throws ReadingInterrupted when the queue is not there, or can't be read now
   */
  static async open(model: ChannelModel, options: QueueReaderOptions): Promise<QueueReader> {
    try {
      const reader = new QueueReader(model, await model.createChannel(), options);
      reader.#ready = (await reader.#channel.checkQueue(options.queue)).messageCount;
      return reader;
    } catch (error) {
      throw new ReadingInterrupted(options.queue, { cause: error });
    }
  }

  /**
   * Begins to read. After it `ready` is certain.
   *
   * @throws ReadingInterrupted also when the queue is too busy to say how many messages it has
   */
  async start(): Promise<void> {
    await this.#asking(async () => {
      if (this.#ready > 0) return this.#consume();
      // A busy queue seems to be empty, unless it is asked for a message.
      if (await this.#isEmpty()) return;
      this.#ready = 1;
      for (let asked = 0; asked < 10; asked += 1) {
        const { messageCount } = await this.#channel.checkQueue(this.#options.queue);
        this.#ready += messageCount;
        if (messageCount > 0) return this.#opening ?? this.#consume();
      }
      if (!(await this.#isEmpty())) throw new Error('it is too busy to say how many messages it has');
    });
  }

  /** Messages that were ready when the reading began. */
  get ready(): number {
    return this.#ready;
  }

  /** Of those, how many are left in the queue. */
  get remaining(): number {
    return this.#ready - this.#taken;
  }

  /** Messages that came here, in all. */
  get delivered(): number {
    return this.#delivered;
  }

  get live(): boolean {
    return this.#lost === undefined;
  }

  /** @throws ReadingInterrupted when the channel is gone */
  assertLive(): void {
    if (this.#lost) throw new ReadingInterrupted(this.#options.queue, { cause: this.#lost });
  }

  /** The message stays in the queue, and is in hand until the reader closes. */
  hold(): void {
    this.#held += 1;
    if (this.#held < this.#capacity || this.#state !== 'reading') return;
    this.#opening = this.#consume().catch((error: Error) => this.#lose(error.message));
  }

  /** Takes the message out of the queue. When the channel is gone it is in the queue again, for whoever reads next. */
  take(message: ConsumeMessage): void {
    if (!this.live) return;
    this.#channel.ack(message);
    this.#taken += 1;
  }

  /**
   * Waits until so many messages came.
   *
   * @returns false when the queue has no more of them: somebody else took them
   * @throws ReadingInterrupted when the channel is gone
   */
  async untilDelivered(count: number): Promise<boolean> {
    while (this.#delivered < count) {
      this.assertLive();
      const before = this.#delivered;
      const woken = new AbortController();
      this.#wake = () => {
        if (this.#lost || this.#delivered >= count) woken.abort();
      };
      await pause(IDLE_MS, woken.signal);
      this.#wake = undefined;
      if (this.#delivered > before || this.#lost) continue;
      if (await this.#asking(() => this.#isEmpty())) return false;
    }
    return true;
  }

  /**
   * Gives back what was not taken.
   *
   * @param hasty doesn't wait until the queue shows all of it, nor sees to its order
   */
  async close(hasty = false): Promise<void> {
    if (this.#state !== 'reading') return;
    this.#state = 'sweeping';
    try {
      await this.#opening;
      if (!hasty) await this.#sweep();
      // The broker puts off acknowledgements that come fast, and forgets those when the channel closes. The answer to a
      // cancel shows that it has caught up. (After the sweep: what a cancelled consumer would still get goes behind.)
      for (const tag of this.#tags) await this.#channel.cancel(tag);
      this.#state = 'closed';
      await this.#channel.close();
    } catch {
      this.#state = 'closed'; // the channel closed by itself: then all is given back already
    }
    if (hasty || this.#delivered === this.#taken) return;
    try {
      const deadline = Date.now() + RETURN_TIMEOUT_MS;
      while ((await countsOf(this.#model, this.#options.queue)).ready < this.remaining) {
        if (Date.now() > deadline) return;
        await pause(20);
      }
    } catch {
      // The queue or the connection went away: there is nothing to wait for.
    }
  }

  /**
   * Takes in hand what lies behind, too, and forgets it at once. What is given back comes behind what others gave back
   * before: only who gives back all of it keeps the order.
   */
  async #sweep(): Promise<void> {
    while (this.#tags.length > 0 && this.#delivered < this.#ready) {
      const until = Math.min(this.#ready, this.#delivered + LARGEST_WINDOW);
      await this.#consume();
      if (!(await this.untilDelivered(until))) return;
    }
  }

  async #consume(window = this.#nextWindow()): Promise<void> {
    this.#capacity += window;
    // The broker gives back consumer by consumer, in the order of their tags.
    const consumerTag = `reader-${String(this.#tags.length).padStart(6, '0')}`;
    this.#tags.push(consumerTag);
    // For each consumer of its own, as it stands when the consumer begins; never for the whole channel.
    await this.#channel.prefetch(window);
    await this.#channel.consume(this.#options.queue, (message) => this.#received(message), { consumerTag });
  }

  /**
   * Whether nothing is left, and nothing is on its way here either. A consumer of one more message is registered after
   * all that the queue has handed out before, and that comes before the answer to the question after it.
   */
  async #isEmpty(): Promise<boolean> {
    const before = this.#delivered;
    await this.#opening;
    await this.#consume(1);
    await this.#channel.checkQueue(this.#options.queue);
    return this.#delivered === before;
  }

  #nextWindow(): number {
    const window = this.#state === 'reading' ? this.#options.windowFor(this.#held) : LARGEST_WINDOW;
    return Math.min(LARGEST_WINDOW, Math.max(1, Math.floor(window)));
  }

  async #asking<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw new ReadingInterrupted(this.#options.queue, { cause: this.#lost ?? error });
    }
  }

  #received(message: ConsumeMessage | null): void {
    if (!message) return this.#lose('the queue was deleted, or has moved to another node');
    if (this.#state === 'closed') return; // it goes back with the channel
    this.#delivered += 1;
    if (this.#state === 'reading') this.#options.onMessage(message);
    this.#wake?.();
  }

  #lose(reason: string): void {
    if (this.#state === 'closed') return;
    this.#lost ??= new Error(reason);
    this.#wake?.();
  }
}
