import type { Channel, ConsumeMessage } from 'amqplib';
import type { MessagingLogger } from '../logger.ts';

/**
 * The settlements of one channel. Acknowledgements of one turn of the event loop are sent together, and as one where
 * nothing before them is still in hand: a quorum queue writes each into its log.
 *
 * Source: https://www.rabbitmq.com/docs/confirms#consumer-acks-multiple-parameter
 */
export class Acknowledgements {
  readonly #channel: Channel;
  readonly #logger: MessagingLogger;
  /** Delivery tags in hand, in ascending order. */
  readonly #inHand = new Set<number>();
  /** What the broker is yet to be told, in the order in which it was done. */
  #waiting: number[] = [];
  #timer: NodeJS.Immediate | undefined;

  constructor(channel: Channel, logger: MessagingLogger) {
    this.#channel = channel;
    this.#logger = logger;
  }

  /** In the order in which the broker delivers. */
  received({ fields }: ConsumeMessage): void {
    this.#inHand.add(fields.deliveryTag);
  }

  ack({ fields }: ConsumeMessage): void {
    if (!this.#inHand.delete(fields.deliveryTag)) return; // twice would cost the channel
    this.#waiting.push(fields.deliveryTag);
    this.#timer ??= setImmediate(() => this.send());
  }

  giveBack(message: ConsumeMessage): void {
    if (!this.#inHand.delete(message.fields.deliveryTag)) return;
    this.#channel.nack(message, false, true);
  }

  /** Sends what waits, for example before the channel closes. */
  send(): void {
    const tags = this.#take();
    const [oldestInHand = Infinity] = this.#inHand;
    const together = tags.filter((tag) => tag < oldestInHand);
    try {
      if (together.length > 0) this.#acknowledge(Math.max(...together), true);
      for (const tag of tags) if (tag > oldestInHand) this.#acknowledge(tag, false);
    } catch (error) {
      // The client refuses from the moment on at which the channel begins to close, before it says so.
      this.#logger.warn(
        `${tags.length} messages could not be acknowledged and come again: ${(error as Error).message}`,
      );
    }
  }

  /** Forgets what waits: the channel is gone, and the broker delivers those messages again. */
  drop(): void {
    this.#take();
  }

  #take(): number[] {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    const tags = this.#waiting;
    this.#waiting = [];
    return tags;
  }

  #acknowledge(deliveryTag: number, allUpTo: boolean): void {
    this.#channel.ack({ fields: { deliveryTag } } as ConsumeMessage, allUpTo);
  }
}
