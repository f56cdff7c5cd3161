import type { ChannelModel } from 'amqplib';
import type { BrokerConnection } from '../broker/broker-connection.ts';
import type { ConfirmPublisher } from '../broker/confirm-publisher.ts';
import type { MessagingLogger } from '../logger.ts';
import { withDeadline } from '../timing.ts';
import type { Topology } from '../topology.ts';
import { Breaker } from './breaker.ts';
import type { DeliveryEngine } from './deliver.ts';
import type { Deliveries } from './deliveries.ts';
import { handleOne } from './handle-one.ts';
import { Settlement } from './settlement.ts';
import { SupervisedConsumer } from './supervised-consumer.ts';

export interface QueueConsumerParts {
  topology: Topology;
  engine: DeliveryEngine;
  connection: BrokerConnection;
  publisher: ConfirmPublisher;
  logger: MessagingLogger;
  deliveries: Deliveries;
  prepare(model: ChannelModel): Promise<void>;
}

/** Consumes one queue: has each message handled, and does with it on the broker what the outcome says. */
export class QueueConsumer {
  readonly queue: string;
  readonly breaker: Breaker;
  readonly #parts: QueueConsumerParts;
  readonly #consumer: SupervisedConsumer;
  readonly #settlement: Settlement;

  constructor(parts: QueueConsumerParts) {
    const { consumer } = parts.engine;
    this.queue = consumer.queue;
    this.#parts = parts;
    this.#settlement = new Settlement({ ...parts, consumer });
    this.breaker = new Breaker(consumer.queue, parts.logger);
    const handling = { ...parts, breaker: this.breaker, settlement: this.#settlement };
    this.#consumer = new SupervisedConsumer(
      parts.connection,
      {
        queue: consumer.queue,
        prefetch: consumer.prefetch,
        concurrency: consumer.concurrency,
        prepare: (model) => parts.prepare(model),
        onDelivery: (delivery) => handleOne(handling, delivery),
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
    this.#settlement.stop();
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }
}
