import { IllegalOperationError, type ChannelModel, type ConfirmChannel, type Options } from 'amqplib';
import { BrokerUnavailable, ConfirmTimedOut, ExchangeUnusable, PublishNacked } from '../errors.ts';
import type { MessagingLogger } from '../logger.ts';
import type { BrokerConnection } from './broker-connection.ts';
import { closeQuietly } from './close-quietly.ts';

export interface OutgoingMessage {
  exchange: string;
  routingKey: string;
  body: Buffer;
  /** `messageId` is needed where `mandatory` is set: a returned message is recognised by it. */
  properties: Options.Publish;
  /** Ask the broker to hand the message back when no queue receives it. */
  mandatory: boolean;
}

/** What became of a message that the broker took responsibility for. */
export type PublishOutcome = 'routed' | 'unroutable';

export interface PublisherOptions {
  /** How long a confirm may take before its message is given up. Milliseconds, default 10,000. */
  confirmTimeoutMs?: number;
}

interface InFlight {
  message: OutgoingMessage;
  sentAt: number;
  returned: boolean;
  resolve(outcome: PublishOutcome): void;
  reject(error: Error): void;
}

/** Nacks that last longer than this cost the channel: on 3.10 one opened before a leader election nacks for good. */
const NACKS_TOLERATED_MS = 1_000;
const REOPEN_DELAY_MS = 200;
/** What amqplib says of a confirm that is a nack; all else that it says is a channel that has gone. */
const NACKED = 'message nacked';

/**
 * Publishes persistent messages on a confirm channel of its own, and says of each what became of it.
 *
 * Nothing is buffered while there is no channel: whoever publishes has the message in a safe place (the outbox,
 * or an unacknowledged delivery) and sends it again.
 *
 * Source: https://www.rabbitmq.com/docs/confirms
 */
export class ConfirmPublisher {
  readonly #connection: BrokerConnection;
  readonly #logger: MessagingLogger;
  readonly #confirmTimeoutMs: number;
  readonly #inFlight = new Set<InFlight>();
  readonly #mandatoryById = new Map<string, InFlight[]>();
  readonly #waitingForChannel = new Set<() => void>();
  #channel: ConfirmChannel | undefined;
  #nackingSince: number | undefined;
  #lastConfirmAt = 0;
  #reopenTimer: NodeJS.Timeout | undefined;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connection: BrokerConnection, logger: MessagingLogger, options: PublisherOptions = {}) {
    this.#connection = connection;
    this.#logger = logger;
    this.#confirmTimeoutMs = options.confirmTimeoutMs ?? 10_000;
    connection.onConnected((model) => void this.#open(model));
    // While it blocked, no confirm could come.
    connection.onUnblocked(() => {
      for (const entry of this.#inFlight) entry.sentAt = performance.now();
    });
  }

  /** Whether a publish would be sent now. */
  get ready(): boolean {
    return this.#channel !== undefined;
  }

  /** Why the broker takes nothing at the moment, for want of memory or disk; undefined otherwise. */
  get blocked(): string | undefined {
    return this.#connection.blocked;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Resolves when a publish can be sent, or after `timeoutMs`; the value says which. */
  async waitUntilReady(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#channel || this.#closed || signal?.aborted) return this.ready;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.#waitingForChannel.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal?.addEventListener('abort', done, { once: true });
      this.#waitingForChannel.add(done);
    });
    return this.ready;
  }

  /**
   * Sends one message and waits for its confirm.
   *
   * @throws BrokerUnavailable there is no channel, or it went away first: whether the message arrived is not known
   * @throws PublishNacked the broker refused it
   * @throws ConfirmTimedOut the broker said nothing of it in time
   * @throws TypeError, RangeError it can't be sent like this: a property is too long, the headers too large
   * @throws ExchangeUnusable there is no such exchange, or this user may not publish to it
   */
  publish(message: OutgoingMessage): Promise<PublishOutcome> {
    const channel = this.#channel;
    if (!channel) {
      return Promise.reject(new BrokerUnavailable(this.#connection.problem ?? 'no channel is open'));
    }
    return new Promise<PublishOutcome>((resolve, reject) => {
      const entry: InFlight = { message, sentAt: performance.now(), returned: false, resolve, reject };
      try {
        if (message.mandatory) this.#rememberMandatory(entry);
        this.#inFlight.add(entry);
        channel.publish(
          message.exchange,
          message.routingKey,
          message.body,
          { ...message.properties, persistent: true, mandatory: message.mandatory },
          (error: Error | null) => this.#settle(channel, entry, error),
        );
      } catch (error) {
        this.#forget(entry);
        // Anything but a closed channel is wrong with the message: sending it again can't help.
        const isClosed = error instanceof IllegalOperationError;
        reject(isClosed ? new BrokerUnavailable('the channel closed', { cause: error }) : (error as Error));
      }
    });
  }

  /** Asks on a channel of its own, which the broker closes when the answer is no. */
  async exchangeExists(exchange: string): Promise<boolean> {
    const model = this.#connection.current;
    if (!model) return false;
    const channel = await model.createChannel();
    channel.on('error', () => undefined); // told by the reply
    try {
      await channel.checkExchange(exchange);
      await closeQuietly(channel);
      return true;
    } catch (error) {
      if ((error as { code?: number }).code === 404) return false;
      throw error;
    }
  }

  /** Waits until nothing is in flight, or until the deadline, then closes the channel. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#reopenTimer);
    const channel = this.#channel;
    if (channel && this.#inFlight.size > 0) {
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, deadlineMs);
      });
      // Settled one by one; a rejected wait means that the channel is gone and with it every entry.
      await Promise.race([channel.waitForConfirms().catch(() => undefined), deadline]);
      clearTimeout(timer);
    }
    clearInterval(this.#deadlineTimer);
    this.#channel = undefined;
    for (const wake of this.#waitingForChannel) wake();
    if (channel) await closeQuietly(channel);
  }

  #settle(channel: ConfirmChannel, entry: InFlight, error: Error | null): void {
    if (!this.#inFlight.has(entry)) return;
    this.#forget(entry);
    if (!error) {
      this.#nackingSince = undefined;
      this.#lastConfirmAt = performance.now();
      entry.resolve(entry.returned ? 'unroutable' : 'routed');
      return;
    }
    // amqplib tells of lost messages before it tells that the channel closed.
    if (this.#channel !== channel || error.message !== NACKED) {
      entry.reject(new BrokerUnavailable('the channel closed before the confirm', { cause: error }));
      return;
    }
    entry.reject(new PublishNacked('the broker refused the message (basic.nack)'));
    const now = performance.now();
    this.#nackingSince ??= now;
    if (now - this.#nackingSince > NACKS_TOLERATED_MS) this.#replace(channel, 'it nacks for over a second');
  }

  #rememberMandatory(entry: InFlight): void {
    const id = entry.message.properties.messageId;
    if (!id) throw new TypeError('a mandatory message needs a messageId');
    const sameId = this.#mandatoryById.get(id);
    if (sameId) sameId.push(entry);
    else this.#mandatoryById.set(id, [entry]);
  }

  #forget(entry: InFlight): void {
    this.#inFlight.delete(entry);
    const id = entry.message.mandatory ? entry.message.properties.messageId : undefined;
    if (!id) return;
    const sameId = this.#mandatoryById.get(id);
    if (!sameId || sameId.length <= 1) this.#mandatoryById.delete(id);
    else
      this.#mandatoryById.set(
        id,
        sameId.filter((other) => other !== entry),
      );
  }

  async #open(model: ChannelModel): Promise<void> {
    if (this.#closed || this.#connection.current !== model) return;
    let channel: ConfirmChannel;
    try {
      channel = await model.createConfirmChannel();
    } catch (error) {
      this.#logger.warn(`a channel for publishing could not be opened: ${(error as Error).message}`);
      this.#reopenSoon();
      return;
    }
    if (this.#closed || this.#connection.current !== model) {
      await closeQuietly(channel);
      return;
    }
    channel.on('return', ({ fields, properties }) => {
      // basic.return comes before the confirm of the same message.
      const candidates = this.#mandatoryById.get(properties.messageId as string) ?? [];
      const entry = candidates.find(
        ({ message, returned }) =>
          !returned && message.exchange === fields.exchange && message.routingKey === fields.routingKey,
      );
      if (entry) entry.returned = true;
    });
    channel.on('error', (error: Error & { code?: number }) => this.#lost(channel, error));
    channel.on('close', () => this.#lost(channel));
    this.#channel = channel;
    this.#nackingSince = undefined;
    this.#lastConfirmAt = performance.now();
    this.#deadlineTimer ??= setInterval(() => this.#checkDeadlines(), 1_000).unref();
    for (const wake of this.#waitingForChannel) wake();
  }

  /** A channel error names the one message that caused it; the others are merely worth sending again. */
  #lost(channel: ConfirmChannel, error?: Error & { code?: number }): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    const unusable = /(?:exchange '([^']*)' in vhost)/.exec(error?.message ?? '')?.[1];
    const refused = error && (error.code === 404 || error.code === 403) ? unusable : undefined;
    if (error) this.#logger.warn(`the channel for publishing closed: ${error.message}`);
    for (const entry of [...this.#inFlight]) {
      this.#forget(entry);
      entry.reject(
        refused !== undefined && entry.message.exchange === refused
          ? new ExchangeUnusable(refused, error!.message, error!.code === 404)
          : new BrokerUnavailable('the channel closed before the confirm', {
              cause: error,
              code: error?.code,
            }),
      );
    }
    this.#reopenSoon();
  }

  #replace(channel: ConfirmChannel, why: string): void {
    this.#logger.warn(`the channel for publishing is replaced: ${why}`);
    this.#lost(channel);
    void closeQuietly(channel);
  }

  #reopenSoon(): void {
    if (this.#closed || this.#reopenTimer) return;
    this.#reopenTimer = setTimeout(() => {
      this.#reopenTimer = undefined;
      const model = this.#connection.current;
      if (model && !this.#channel) void this.#open(model);
    }, REOPEN_DELAY_MS);
  }

  #checkDeadlines(): void {
    const channel = this.#channel;
    // While the broker blocks publishers no confirm can come; a dead connection is found by its heartbeat.
    if (!channel || this.#connection.blocked) return;
    const latest = performance.now() - this.#confirmTimeoutMs;
    let overdue = 0;
    for (const entry of [...this.#inFlight]) {
      if (entry.sentAt > latest) break; // they stand in the order of their sending
      overdue += 1;
      this.#forget(entry);
      entry.reject(
        new ConfirmTimedOut(
          `no confirm within ${this.#confirmTimeoutMs} ms: is a queue behind the exchange down?`,
        ),
      );
    }
    // One queue that is down is no reason to send again what others are about to confirm.
    if (overdue > 0 && this.#lastConfirmAt < latest)
      this.#replace(channel, 'nothing was confirmed on it for long');
  }
}
