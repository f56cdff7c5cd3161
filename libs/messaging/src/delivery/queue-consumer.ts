import type { ChannelModel } from 'amqplib';
import type { BrokerConnection } from '../broker/broker-connection.ts';
import type { ConfirmPublisher } from '../broker/confirm-publisher.ts';
import { carriedOn, historyOf, type DeliveryHistory } from '../broker/message-codec.ts';
import type { MessagingLogger } from '../logger.ts';
import type { MessagingMetrics, OutcomeName } from '../metrics.ts';
import { pause, withDeadline } from '../timing.ts';
import type { Topology } from '../topology.ts';
import { Breaker } from './breaker.ts';
import { deliver, type DeliveryEngine } from './deliver.ts';
import { deadLetterHeaders, failureHeaders } from './failure-headers.ts';
import type { Outcome } from './outcome.ts';
import { jitteredDelay } from './retry-policy.ts';
import { SupervisedConsumer, type Delivery } from './supervised-consumer.ts';

/** How long a message is kept in hand while the breaker is open: well within the broker's 30 minutes. */
const LONGEST_IN_HAND_MS = 5 * 60_000;

export interface QueueConsumerParts {
  topology: Topology;
  engine: DeliveryEngine;
  connection: BrokerConnection;
  publisher: ConfirmPublisher;
  logger: MessagingLogger;
  metrics: MessagingMetrics;
  prepare(model: ChannelModel): Promise<void>;
}

/** Consumes one queue: has each message handled, and does with it on the broker what the outcome says. */
export class QueueConsumer {
  readonly queue: string;
  readonly breaker: Breaker;
  readonly #parts: QueueConsumerParts;
  readonly #consumer: SupervisedConsumer;
  readonly #stopping = new AbortController();

  constructor(parts: QueueConsumerParts) {
    const { consumer } = parts.engine;
    this.queue = consumer.queue;
    this.#parts = parts;
    this.breaker = new Breaker(consumer.queue, parts.logger);
    this.#consumer = new SupervisedConsumer(
      parts.connection,
      {
        queue: consumer.queue,
        prefetch: consumer.prefetch,
        concurrency: consumer.concurrency,
        prepare: (model) => parts.prepare(model),
        onDelivery: (delivery) => this.#handle(delivery),
      },
      parts.logger,
    );
  }

  get problem(): string | undefined {
    return this.#consumer.problem;
  }

  get inHand(): number {
    return this.#consumer.inHand;
  }

  /** Takes no more, gives back what is not begun, and waits for the rest until the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    await this.#consumer.stopTaking();
    this.breaker.stop();
    await withDeadline(this.#consumer.whenIdle(), deadlineMs);
    await this.#parts.engine.crashGuard.abandon();
    this.#stopping.abort();
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }

  async #handle(delivery: Delivery): Promise<void> {
    const started = performance.now();
    const history = historyOf(delivery.message);
    const outcome = await this.#deliverThroughBreaker(delivery, history);
    const name = outcome ? await this.#settle(delivery, history, outcome) : this.#giveBack(delivery);
    this.#parts.metrics.settled(this.queue, name, (performance.now() - started) / 1_000);
  }

  /** @returns undefined when the message is to be given back as it is */
  async #deliverThroughBreaker(delivery: Delivery, history: DeliveryHistory): Promise<Outcome | undefined> {
    const giveUpAt = Date.now() + LONGEST_IN_HAND_MS;
    for (;;) {
      if (!(await this.breaker.pass())) return undefined;
      if (!delivery.live) {
        this.breaker.untried();
        return undefined;
      }
      const outcome = await deliver(this.#parts.engine, delivery.message, history);
      if (outcome.kind !== 'unavailable') {
        // Only a success shows that everything that is needed is there; other failures say nothing of it.
        if (outcome.kind === 'done') this.breaker.succeeded();
        else this.breaker.untried();
        return outcome;
      }
      if (!this.breaker.failed(outcome.error) || Date.now() > giveUpAt) return outcome;
    }
  }

  #giveBack(delivery: Delivery): OutcomeName {
    delivery.giveBack();
    return 'given-back';
  }

  async #settle(delivery: Delivery, history: DeliveryHistory, outcome: Outcome): Promise<OutcomeName> {
    const { topology, engine, logger } = this.#parts;
    const { queue, retryTiers } = engine.consumer;
    const about = `${delivery.message.properties.type ?? 'message'} ${delivery.message.properties.messageId ?? ''}`;
    switch (outcome.kind) {
      case 'done':
        delivery.ack();
        return 'done';
      case 'duplicate':
        delivery.ack();
        return 'duplicate';
      case 'retry':
      case 'unavailable': {
        const counted = outcome.kind === 'retry';
        // What is away may be back at any moment, and the breaker sees to it that nobody storms.
        const tier = retryTiers[counted ? outcome.tier : 0]!;
        const delay = jitteredDelay(tier.delayMs);
        const failed = history.failedAttempts + (counted ? 1 : 0);
        logger.warn(
          `${queue}: ${about} waits ${delay} ms (${failed} failed attempts): ${outcome.error.message}`,
        );
        return this.#moveOn(delivery, topology.retryExchange, tier.queue, 'retried', {
          ...carriedOn(delivery.message, failureHeaders(queue, history, outcome.error, failed)),
          expiration: String(delay),
        });
      }
      case 'dead': {
        const failed = history.failedAttempts + 1;
        logger.error(
          `${queue}: ${about} is dead-lettered (${outcome.reason}): ${outcome.error.message}`,
          outcome.error.stack,
        );
        return this.#moveOn(delivery, topology.deadLetterExchange, queue, 'dead-lettered', {
          ...carriedOn(delivery.message, {
            ...failureHeaders(queue, history, outcome.error, failed),
            ...deadLetterHeaders(outcome.reason, outcome.error),
          }),
        });
      }
    }
  }

  /**
   * Publishes the message to where it goes next and, only when the broker has it there, acknowledges it here. Tries
   * until that is done or the delivery is void, so that a broker in trouble sees no storm of redeliveries.
   */
  async #moveOn(
    delivery: Delivery,
    exchange: string,
    routingKey: string,
    name: OutcomeName,
    properties: ReturnType<typeof carriedOn>,
  ): Promise<OutcomeName> {
    const { publisher, logger } = this.#parts;
    const { signal } = this.#stopping;
    while (delivery.live && !signal.aborted) {
      try {
        await publisher.waitUntilReady(5_000, signal);
        const outcome = await publisher.publish({
          exchange,
          routingKey,
          body: delivery.message.content,
          properties,
          mandatory: true,
        });
        if (outcome === 'routed') {
          delivery.ack();
          return name;
        }
        logger.error(
          `${this.queue}: no queue receives ${routingKey} from ${exchange}; a restart declares it anew`,
        );
      } catch (error) {
        logger.warn(
          `${this.queue}: a message could not be moved to ${routingKey}, trying again: ${(error as Error).message}`,
        );
      }
      await pause(1_000, signal);
    }
    return this.#giveBack(delivery);
  }
}
