import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { contractOf, createEnvelope, validateData, type EventEnvelope } from '@warren/contracts';
import { v7 as uuidv7 } from 'uuid';
import type { BrokerConnection } from '../broker/broker-connection.ts';
import type { ConfirmPublisher } from '../broker/confirm-publisher.ts';
import { carriedOn, historyOf } from '../broker/message-codec.ts';
import { readMessage, type BoundHandler } from '../delivery/deliver.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import { deadLetterHeaders, failureHeaders } from '../delivery/failure-headers.ts';
import { SupervisedConsumer, type Delivery } from '../delivery/supervised-consumer.ts';
import { asError } from '../delivery/retry-policy.ts';
import { ExchangeUnusable } from '../errors.ts';
import { runInFlow } from '../flow.ts';
import type { MessagingLogger } from '../logger.ts';
import { MessageContext } from '../message-context.ts';
import type { OutcomeName } from '../metrics.ts';
import { pause, withDeadline } from '../timing.ts';
import type { AnswererTopology, Topology } from '../topology.ts';
import { REQUEST_FAILED_TYPE, replyProperties } from './requests.ts';

/** `<caller>.replies.<id>`: the queue that the answer goes to; its exchange is the part before the id. */
const REPLY_TO = /^([a-z][a-z0-9-]*\.replies)\.[0-9a-z-]{1,64}$/;

export interface AnswererParts {
  topology: Topology;
  answerer: AnswererTopology;
  handlers: ReadonlyMap<string, BoundHandler>;
  connection: BrokerConnection;
  publisher: ConfirmPublisher;
  /** For answers, whose addresses are taken from strangers. */
  replies: ConfirmPublisher;
  schemaBaseUrl: string;
  logger: MessagingLogger;
  deliveries: Deliveries;
  prepare(model: ChannelModel): Promise<void>;
}

const NO_TRANSACTION = 'a handler of requests has no transaction of its message: it asks, it does not change';

/** Answers requests. A request has no effect to keep: when answering fails the asker is told, or times out. */
export class RequestAnswerer {
  readonly queue: string;
  readonly #parts: AnswererParts;
  readonly #consumer: SupervisedConsumer;

  constructor(parts: AnswererParts) {
    this.#parts = parts;
    this.queue = parts.answerer.queue;
    this.#consumer = new SupervisedConsumer(
      parts.connection,
      {
        queue: parts.answerer.queue,
        prefetch: parts.answerer.concurrency,
        concurrency: parts.answerer.concurrency,
        prepare: (model) => parts.prepare(model),
        onDelivery: (delivery) => this.#answer(delivery),
      },
      parts.logger,
    );
  }

  get inHand(): number {
    return this.#consumer.inHand;
  }

  get problem(): string | undefined {
    return this.#consumer.problem;
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#consumer.stopTaking();
    await withDeadline(this.#consumer.whenIdle(), deadlineMs);
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }

  async #answer(delivery: Delivery): Promise<void> {
    const started = performance.now();
    const { message } = delivery;
    let outcome: OutcomeName = 'done';
    let failure: Error | undefined;
    try {
      await this.#reply(message, await this.#work(message));
    } catch (error) {
      failure = asError(error);
      this.#parts.logger.warn(`${this.queue}: a request could not be answered: ${failure.message}`);
      // Whoever asked has no exchange for answers, or none that we may write to: it can't be told that either.
      outcome = error instanceof ExchangeUnusable ? 'failed' : await this.#tellFailure(message, failure);
    }
    if (outcome === 'given-back') delivery.giveBack();
    else delivery.ack();
    const seconds = (performance.now() - started) / 1_000;
    this.#parts.deliveries.settled(this.queue, message, outcome, seconds, failure);
  }

  async #work(message: ConsumeMessage): Promise<EventEnvelope> {
    const { envelope, handler, data } = readMessage(message, this.#parts.handlers);
    const context = new MessageContext(
      { envelope, queue: this.queue, attempt: 1, redelivered: message.fields.redelivered },
      {
        manager: () => {
          throw new TypeError(NO_TRANSACTION);
        },
        complete: () => Promise.reject(new TypeError(NO_TRANSACTION)),
      },
    );
    const result = await runInFlow({ correlationId: envelope.correlationid, causationId: envelope.id }, () =>
      handler.invoke(data, context),
    );
    const reply = contractOf(contractOf(handler.dataClass).reply!);
    const replyData = validateData(reply.dataClass, result as object, 'refuse');
    return createEnvelope({
      id: uuidv7(),
      service: this.#parts.topology.service,
      type: reply.type,
      subject: envelope.subject,
      sequence: 0,
      data: replyData,
      schemaBaseUrl: this.#parts.schemaBaseUrl.replace(/\/$/, ''),
      correlationId: envelope.correlationid,
      causationId: envelope.id,
    });
  }

  async #reply(request: ConsumeMessage, envelope: EventEnvelope): Promise<void> {
    const { replies, topology } = this.#parts;
    const address = replyAddress(request);
    if (!address) throw new TypeError('reply-to must be <caller>.replies.<id>');
    await replies.publish({
      ...address,
      body: Buffer.from(JSON.stringify(envelope)),
      properties: replyProperties(envelope, topology.service, request),
      mandatory: false, // whoever asked may have given up: then the answer is worth nothing
    });
  }

  /** Tells the asker; a request that names nobody to tell is kept as a dead letter. */
  async #tellFailure(request: ConsumeMessage, error: Error): Promise<OutcomeName> {
    const { publisher, replies, topology, logger } = this.#parts;
    const address = replyAddress(request);
    try {
      if (address) {
        await replies.publish({
          ...address,
          body: Buffer.from(JSON.stringify({ message: error.message.slice(0, 1_000) })),
          properties: {
            contentType: 'application/json',
            type: REQUEST_FAILED_TYPE,
            appId: topology.service,
            correlationId: request.properties.correlationId as string,
          },
          mandatory: false,
        });
        return 'failed';
      }
      await publisher.publish({
        exchange: topology.deadLetterExchange,
        routingKey: this.queue,
        body: request.content,
        properties: carriedOn(request, {
          ...failureHeaders(this.queue, historyOf(request), error, 1),
          ...deadLetterHeaders('malformed', error),
        }),
        mandatory: true,
      });
      return 'dead-lettered';
    } catch (failure) {
      if (failure instanceof ExchangeUnusable) return 'failed';
      logger.warn(
        `${this.queue}: a failed request could not be settled, it comes again: ${(failure as Error).message}`,
      );
      await pause(1_000);
      return 'given-back';
    }
  }
}

function replyAddress(request: ConsumeMessage): { exchange: string; routingKey: string } | undefined {
  const replyTo: unknown = request.properties.replyTo;
  const exchange = typeof replyTo === 'string' ? REPLY_TO.exec(replyTo)?.[1] : undefined;
  return exchange ? { exchange, routingKey: replyTo as string } : undefined;
}
