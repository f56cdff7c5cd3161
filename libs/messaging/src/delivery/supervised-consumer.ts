import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { BrokerConnection } from '../broker/broker-connection.ts';
import { closeQuietly } from '../broker/close-quietly.ts';
import type { MessagingLogger } from '../logger.ts';
import { pause, withDeadline } from '../timing.ts';
import { Acknowledgements } from './acknowledgements.ts';

export interface SupervisedConsumerOptions {
  queue: string;
  prefetch: number;
  /** Deliveries that `onDelivery` works on at the same time; others wait here, unacknowledged. */
  concurrency: number;
  /** Makes what the channel needs before it consumes, for example the queue itself. */
  prepare(model: ChannelModel): Promise<void>;
  /** Works on one delivery to its settlement; never rejects. */
  onDelivery(delivery: Delivery): Promise<void>;
}

/** A message and the channel that it must be settled on. */
export class Delivery {
  readonly message: ConsumeMessage;
  readonly #acknowledgements: Acknowledgements;
  readonly #isOpen: () => boolean;

  constructor(message: ConsumeMessage, acknowledgements: Acknowledgements, isOpen: () => boolean) {
    this.message = message;
    this.#acknowledgements = acknowledgements;
    this.#isOpen = isOpen;
  }

  /** False when the channel is gone: the broker delivers the message again, to whomever. */
  get live(): boolean {
    return this.#isOpen();
  }

  ack(): void {
    if (this.live) this.#acknowledgements.ack(this.message);
  }

  giveBack(): void {
    if (this.live) this.#acknowledgements.giveBack(this.message);
  }
}

const REOPEN_DELAYS_MS = [200, 1_000, 2_000, 5_000];
const STOP_DEADLINE_MS = 5_000;
const DEFECT_PAUSE_MS = 1_000;
const STUCK_MINUTES = 30;

/**
 * Consumes one queue for as long as the process lives: a lost connection, a channel error, and a consumer that the
 * broker cancelled (queue deleted or moved) all lead to a new channel.
 *
 * Source: https://www.rabbitmq.com/docs/consumers
 */
export class SupervisedConsumer {
  readonly #connection: BrokerConnection;
  readonly #options: SupervisedConsumerOptions;
  readonly #logger: MessagingLogger;
  readonly #waiting: Delivery[] = [];
  readonly #idle = new Set<() => void>();
  /** When work on each delivery began, the oldest first. */
  readonly #startedAt = new Map<Delivery, number>();
  #channel: Channel | undefined;
  #acknowledgements: Acknowledgements | undefined;
  #consumerTag: string | undefined;
  #opening: Promise<void> | undefined;
  #failures = 0;
  #reopenTimer: NodeJS.Timeout | undefined;
  #active = 0;
  #stopping = false;
  #problem: string | undefined = 'not started yet';

  constructor(connection: BrokerConnection, options: SupervisedConsumerOptions, logger: MessagingLogger) {
    this.#connection = connection;
    this.#options = options;
    this.#logger = logger;
    connection.onConnected(() => void this.#open());
  }

  /** Why no messages come, or undefined while the broker has us as a consumer. */
  get problem(): string | undefined {
    if (!this.#connection.current) return this.#connection.problem ?? this.#problem;
    return this.#problem ?? this.#stuck();
  }

  /** Deliveries in hand. */
  get inHand(): number {
    return this.#active + this.#waiting.length;
  }

  /** Takes no more deliveries and gives back those that nobody works on. */
  async stopTaking(): Promise<void> {
    this.#stopping = true;
    this.#problem = 'stopping';
    clearTimeout(this.#reopenTimer);
    if (this.#opening) await withDeadline(this.#opening, STOP_DEADLINE_MS);
    const channel = this.#channel;
    if (channel && this.#consumerTag !== undefined) {
      // The channel may be gone, and the consumer with it.
      await withDeadline(
        channel.cancel(this.#consumerTag).catch(() => undefined),
        STOP_DEADLINE_MS,
      );
    }
    for (const delivery of this.#waiting.splice(0)) delivery.giveBack();
  }

  /** Resolves when nobody works on a delivery any more. */
  async whenIdle(): Promise<void> {
    if (this.#active === 0) return;
    await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  /** Closes the channel: what is still unacknowledged goes back to the queue. */
  async close(): Promise<void> {
    const channel = this.#channel;
    this.#channel = undefined;
    this.#acknowledgements?.send();
    if (channel) await closeQuietly(channel);
  }

  #open(): Promise<void> {
    const model = this.#connection.current;
    if (!model || this.#opening || this.#channel || this.#stopping) return Promise.resolve();
    this.#opening = this.#openOn(model).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openOn(model: ChannelModel): Promise<void> {
    let channel: Channel | undefined;
    try {
      await this.#options.prepare(model);
      if (this.#stopping) return;
      channel = await model.createChannel();
      const opened = channel;
      opened.on('error', (error: Error) => this.#lost(opened, error.message));
      opened.on('close', () => this.#lost(opened, 'the channel closed'));
      this.#channel = opened;
      const acknowledgements = new Acknowledgements(opened, this.#logger);
      this.#acknowledgements = acknowledgements;
      await opened.prefetch(this.#options.prefetch);
      if (this.#stopping) return;
      const { consumerTag } = await opened.consume(this.#options.queue, (message) =>
        this.#received(opened, acknowledgements, message),
      );
      if (this.#channel !== opened) return;
      this.#consumerTag = consumerTag;
      this.#problem = undefined;
      this.#failures = 0;
    } catch (error) {
      if (channel) this.#lost(channel, (error as Error).message);
      else this.#reopenLater((error as Error).message);
    }
  }

  #received(channel: Channel, acknowledgements: Acknowledgements, message: ConsumeMessage | null): void {
    if (!message) {
      // basic.cancel: there is nothing to acknowledge, and the channel without its consumer is of no use.
      this.#lost(channel, 'the broker cancelled the consumer: its queue was deleted or has moved');
      void closeQuietly(channel);
      return;
    }
    acknowledgements.received(message);
    const delivery = new Delivery(message, acknowledgements, () => this.#channel === channel);
    // What comes until the consumer is cancelled is kept: given back at once, it would come again and again.
    if (this.#stopping) this.#waiting.push(delivery);
    else if (this.#active < this.#options.concurrency) void this.#work(delivery);
    else this.#waiting.push(delivery);
  }

  async #work(first: Delivery): Promise<void> {
    this.#active += 1;
    let delivery: Delivery | undefined = first;
    while (delivery) {
      if (delivery.live) {
        this.#startedAt.set(delivery, performance.now());
        await this.#settle(delivery);
        this.#startedAt.delete(delivery);
      }
      delivery = this.#waiting.shift();
    }
    this.#active -= 1;
    if (this.#active === 0) for (const resolve of this.#idle) resolve();
  }

  async #settle(delivery: Delivery): Promise<void> {
    try {
      await this.#options.onDelivery(delivery);
    } catch (error) {
      // A defect of this library: the message must neither be lost nor come back at full speed.
      this.#logger.error(`${this.#options.queue}: a delivery could not be settled`, (error as Error)?.stack);
      await pause(DEFECT_PAUSE_MS);
      delivery.giveBack();
    }
  }

  /** A handler that never ends takes its place for ever; the broker gives its message to another after 30 minutes. */
  #stuck(): string | undefined {
    const [oldest] = this.#startedAt.values();
    const minutes = oldest === undefined ? 0 : (performance.now() - oldest) / 60_000;
    return minutes > STUCK_MINUTES
      ? `a handler has been at work for ${Math.floor(minutes)} minutes`
      : undefined;
  }

  #lost(channel: Channel, reason: string): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.#acknowledgements?.drop();
    this.#consumerTag = undefined;
    this.#reopenLater(reason);
  }

  #reopenLater(reason: string): void {
    if (this.#stopping) return;
    if (this.#problem !== reason) this.#logger.warn(`${this.#options.queue} is not consumed: ${reason}`);
    this.#problem = reason;
    const delay = REOPEN_DELAYS_MS[Math.min(this.#failures, REOPEN_DELAYS_MS.length - 1)]!;
    this.#failures += 1;
    clearTimeout(this.#reopenTimer);
    this.#reopenTimer = setTimeout(() => void this.#open(), delay);
  }
}
