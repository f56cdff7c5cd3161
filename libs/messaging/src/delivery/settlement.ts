import type { Options } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import type { ConfirmPublisher } from '../broker/confirm-publisher.ts';
import { carriedOn, HEADER, type DeliveryHistory } from '../broker/message-codec.ts';
import type { MessagingLogger } from '../logger.ts';
import type { OutcomeName } from '../metrics.ts';
import { pause } from '../timing.ts';
import type { ConsumerTopology, Topology } from '../topology.ts';
import { deadLetterHeaders, failureHeaders } from './failure-headers.ts';
import type { Outcome } from './outcome.ts';
import { jitteredDelay } from './retry-policy.ts';
import type { Delivery } from './supervised-consumer.ts';

export interface SettlementParts {
  topology: Topology;
  consumer: ConsumerTopology;
  publisher: ConfirmPublisher;
  logger: MessagingLogger;
}

/** Does with a message on the broker what the outcome of its handling says. */
export class Settlement {
  readonly #parts: SettlementParts;
  readonly #stopping = new AbortController();

  constructor(parts: SettlementParts) {
    this.#parts = parts;
  }

  /** Ends what is waiting for a broker in trouble; those messages go back to their queue. */
  stop(): void {
    this.#stopping.abort();
  }

  giveBack(delivery: Delivery): OutcomeName {
    delivery.giveBack();
    return 'given-back';
  }

  async settle(delivery: Delivery, history: DeliveryHistory, outcome: Outcome): Promise<OutcomeName> {
    const { topology, consumer, logger } = this.#parts;
    const { queue, retryTiers } = consumer;
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
    properties: Options.Publish,
  ): Promise<OutcomeName> {
    const { publisher, logger, consumer } = this.#parts;
    const { signal } = this.#stopping;
    let target: { exchange: string; routingKey: string; properties: Options.Publish; name: OutcomeName } = {
      exchange,
      routingKey,
      properties,
      name,
    };
    while (delivery.live && !signal.aborted) {
      try {
        await publisher.waitUntilReady(5_000, signal);
        const outcome = await publisher.publish({
          exchange: target.exchange,
          routingKey: target.routingKey,
          body: delivery.message.content,
          properties: target.properties,
          mandatory: true,
        });
        if (outcome === 'routed') {
          delivery.ack();
          return target.name;
        }
        logger.error(
          `${consumer.queue}: no queue receives ${target.routingKey} from ${target.exchange}; a restart declares it anew`,
        );
      } catch (error) {
        logger.warn(
          `${consumer.queue}: a message could not be moved to ${target.routingKey}, trying again: ${(error as Error).message}`,
        );
        // Its own properties can't be encoded again: its body is kept as a dead letter, with ours alone.
        if (error instanceof TypeError || error instanceof RangeError) target = this.#unsendable(error);
      }
      await pause(1_000, signal);
    }
    return this.giveBack(delivery);
  }

  #unsendable(error: Error) {
    const { topology, consumer } = this.#parts;
    return {
      exchange: topology.deadLetterExchange,
      routingKey: consumer.queue,
      name: 'dead-lettered' as OutcomeName,
      properties: {
        messageId: uuidv7(),
        headers: { [HEADER.queue]: consumer.queue, ...deadLetterHeaders('unsendable', error) },
      },
    };
  }
}
