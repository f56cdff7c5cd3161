import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import {
  contractOf,
  ENVELOPE_CONTENT_TYPE,
  createEnvelope,
  parseEnvelope,
  validateData,
  type Contract,
  type DataClass,
  type EventEnvelope,
} from '@warren/contracts';
import { v7 as uuidv7 } from 'uuid';
import type { BrokerConnection } from '../broker/broker-connection.ts';
import { closeQuietly } from '../broker/close-quietly.ts';
import type { ConfirmPublisher } from '../broker/confirm-publisher.ts';
import { propertiesOf } from '../broker/message-codec.ts';
import { MiswiredService, RequestFailed, RequestTimedOut } from '../errors.ts';
import { currentFlow } from '../flow.ts';
import type { MessagingLogger } from '../logger.ts';
import type { Topology } from '../topology.ts';

/** AMQP `type` of an answer that says that the request failed; its body is `{"message": …}`. */
export const REQUEST_FAILED_TYPE = 'warren.request-failed';

export interface AskOptions<R extends object> {
  reply: DataClass<R>;
  /** How long to wait for the answer, in milliseconds. */
  timeoutMs: number;
}

interface Pending {
  resolve(message: ConsumeMessage): void;
  reject(error: Error): void;
}

/**
 * Asks other services and waits for the answer, within a deadline. Answers come through the service's own direct
 * exchange to an exclusive queue of this process. (Direct reply-to would need the right to write to the default
 * exchange, which reaches every queue.)
 */
export class Requests {
  readonly #topology: Topology;
  readonly #schemaBaseUrl: string;
  readonly #connection: BrokerConnection;
  readonly #publisher: ConfirmPublisher;
  readonly #logger: MessagingLogger;
  readonly #pending = new Map<string, Pending>();
  readonly #queue: string;
  #channel: Channel | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    topology: Topology,
    schemaBaseUrl: string,
    connection: BrokerConnection,
    publisher: ConfirmPublisher,
    logger: MessagingLogger,
  ) {
    this.#topology = topology;
    this.#schemaBaseUrl = schemaBaseUrl.replace(/\/$/, '');
    this.#connection = connection;
    this.#publisher = publisher;
    this.#logger = logger;
    this.#queue = `${topology.service}.replies.${uuidv7()}`;
    if (topology.repliesExchange) connection.onConnected((model) => void this.#listen(model));
  }

  /**
   * @throws RequestTimedOut when no answer came in time
   * @throws RequestFailed when it could not be sent, nobody is there to answer, or the answer is a failure
   * @throws InvalidData when `data` is not what the contract allows
   * @throws MiswiredService when the contract is not in `asks` of the topology
   */
  async ask<Q extends object, R extends object>(
    dataClass: DataClass<Q>,
    data: Q,
    options: AskOptions<R>,
  ): Promise<R> {
    const contract = contractOf(dataClass);
    if (!this.#topology.asks.includes(contract as Contract)) {
      throw new MiswiredService(
        `${this.#topology.service} does not ask ${contract.type}: add ${dataClass.name} to "asks" in topology.ts`,
      );
    }
    if (contract.reply !== options.reply) {
      throw new MiswiredService(`${contract.type} is not answered by ${options.reply.name}`);
    }
    validateData(dataClass, data, 'refuse');
    const message = await this.#exchange(contract as Contract, data, options.timeoutMs);
    if (message.properties.type === REQUEST_FAILED_TYPE) {
      throw new RequestFailed(contract.type, { reason: failureIn(message) });
    }
    return validateData(options.reply, parseEnvelope(message.content).data as object, 'ignore');
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    for (const { reject } of this.#pending.values()) {
      reject(new RequestFailed('the answer', { reason: 'this process is stopping' }));
    }
    this.#pending.clear();
    if (this.#channel) await closeQuietly(this.#channel);
  }

  async #exchange(contract: Contract, data: object, timeoutMs: number): Promise<ConsumeMessage> {
    if (!this.#channel) {
      throw new RequestFailed(contract.type, {
        reason: this.#connection.problem ?? 'no answer could come back',
      });
    }
    // Nobody holds the message safely: better told at once than kept in memory.
    const { blocked } = this.#publisher;
    if (blocked) throw new RequestFailed(contract.type, { reason: `RabbitMQ takes no messages: ${blocked}` });
    const envelope = this.#envelope(contract, data);
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<ConsumeMessage>((resolve, reject) => {
      this.#pending.set(envelope.id, { resolve, reject });
      timer = setTimeout(
        () => reject(new RequestTimedOut(contract.type, { reason: `no answer within ${timeoutMs} ms` })),
        timeoutMs,
      );
    });
    // It may fail while the publish is still awaited; it is awaited right after.
    answer.catch(() => undefined);
    try {
      const outcome = await Promise.race([
        this.#publisher.publish({
          exchange: contract.exchange,
          routingKey: contract.type,
          body: Buffer.from(JSON.stringify(envelope)),
          properties: {
            ...propertiesOf(envelope, this.#topology.service, {}),
            correlationId: envelope.id,
            replyTo: this.#queue,
            expiration: String(timeoutMs),
          },
          mandatory: true,
        }),
        answer.then(() => 'routed' as const),
      ]);
      if (outcome === 'unroutable') {
        throw new RequestFailed(contract.type, { reason: 'no service answers it at the moment' });
      }
      return await answer;
    } catch (error) {
      if (error instanceof RequestTimedOut || error instanceof RequestFailed) throw error;
      throw new RequestFailed(contract.type, { cause: error });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(envelope.id);
    }
  }

  #envelope(contract: Contract, data: object): EventEnvelope {
    const id = uuidv7();
    const flow = currentFlow();
    return createEnvelope({
      id,
      service: this.#topology.service,
      type: contract.type,
      subject: id,
      sequence: 0,
      data,
      schemaBaseUrl: this.#schemaBaseUrl,
      correlationId: flow?.correlationId,
      causationId: flow?.causationId,
    });
  }

  async #listen(model: ChannelModel): Promise<void> {
    if (this.#closed || this.#connection.current !== model) return;
    try {
      const channel = await model.createChannel();
      channel.on('error', (error: Error) => this.#logger.warn(`answers can't be received: ${error.message}`));
      channel.on('close', () => this.#lost(channel));
      const exchange = this.#topology.repliesExchange!;
      await channel.assertExchange(exchange, 'direct', { durable: true });
      await channel.assertQueue(this.#queue, { exclusive: true, durable: false });
      await channel.bindQueue(this.#queue, exchange, this.#queue);
      await channel.consume(
        this.#queue,
        (message) => {
          if (message) this.#pending.get(message.properties.correlationId as string)?.resolve(message);
          else void closeQuietly(channel); // its close event has it opened anew
        },
        { noAck: true },
      );
      this.#channel = channel;
    } catch (error) {
      this.#logger.warn(`answers can't be received, trying again: ${(error as Error).message}`);
      this.#retrySoon();
    }
  }

  #lost(channel: Channel): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    for (const { reject } of this.#pending.values()) {
      reject(new RequestFailed('the answer', { reason: 'the channel for answers closed' }));
    }
    this.#retrySoon();
  }

  #retrySoon(): void {
    if (this.#closed) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      const model = this.#connection.current;
      if (model && !this.#channel) void this.#listen(model);
    }, 1_000);
  }
}

function failureIn(message: ConsumeMessage): string {
  try {
    const parsed = JSON.parse(message.content.toString()) as { message?: unknown };
    return String(parsed.message);
  } catch {
    return 'the answer says that the request failed, and can not be read';
  }
}

/** Properties of an answer. */
export function replyProperties(envelope: EventEnvelope, service: string, request: ConsumeMessage) {
  return {
    ...propertiesOf(envelope, service, {}),
    contentType: ENVELOPE_CONTENT_TYPE,
    correlationId: request.properties.correlationId as string,
  };
}
