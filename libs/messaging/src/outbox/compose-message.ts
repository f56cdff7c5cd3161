import { context as otelContext, propagation } from '@opentelemetry/api';
import {
  assertData,
  contractOf,
  createEnvelope,
  prepareValidation,
  type Contract,
  type DataClass,
} from '@warren/contracts';
import { v7 as uuidv7 } from 'uuid';
import { MiswiredService } from '../errors.ts';
import { currentFlow } from '../flow.ts';
import type { Topology } from '../topology.ts';

export interface NewMessage<T> {
  /** Id of the aggregate that the message is about. */
  subject: string;
  /** Version of the aggregate after what happened. */
  sequence: number;
  data: T;
  /** Default: that of the current flow, or the message's own id where there is none. */
  correlationId?: string;
}

/** What the outbox keeps of a message, but for its number. */
export interface ComposedMessage {
  readonly id: string;
  readonly aggregate: string;
  readonly contract: Contract;
  /** The envelope as JSON. */
  readonly body: string;
}

const MAX_SUBJECT_BYTES = 512;
/** AMQP holds no more in a property: https://www.rabbitmq.com/amqp-0-9-1-reference, short strings. */
const MAX_CORRELATION_ID_BYTES = 255;
/** RabbitMQ 4 closes the channel on messages of more than 16 MiB. What is large belongs into the object storage. */
const MAX_BODY_BYTES = 15 * 1024 * 1024;

function assertLength(what: string, text: string, limit: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes < 1 || bytes > limit)
    throw new RangeError(`${what} must have 1 to ${limit} bytes, and has ${bytes}`);
}

/** Makes envelopes of what a service wants to say. */
export class MessageComposer {
  readonly #topology: Topology;
  readonly #schemaBaseUrl: string;
  readonly #publishable: ReadonlySet<Contract>;

  constructor(topology: Topology, schemaBaseUrl: string) {
    this.#topology = topology;
    this.#schemaBaseUrl = schemaBaseUrl.replace(/\/$/, '');
    this.#publishable = new Set(topology.publishes);
    for (const { dataClass } of topology.publishes) prepareValidation(dataClass, 'refuse');
  }

  /**
   * @param time when that happens which the message tells of; its id is of the same moment. Default: now.
   * @throws MiswiredService when the contract is not in `publishes` of the topology
   * @throws InvalidData when the data is not what the contract allows
   * @throws TypeError when the data can't be said in JSON, because it refers to itself or holds a bigint
   * @throws RangeError when the subject, the correlation id or the whole message is too long for the wire
   */
  compose(dataClass: DataClass, message: NewMessage<object>, time?: Date): ComposedMessage {
    const contract = contractOf(dataClass);
    if (!this.#publishable.has(contract)) {
      throw new MiswiredService(
        `${this.#topology.service} does not publish ${contract.type}: add ${dataClass.name} to "publishes" in topology.ts`,
      );
    }
    assertData(dataClass, message.data, 'refuse');
    const id = time ? uuidv7({ msecs: time.getTime() }) : uuidv7();
    const flow = currentFlow();
    const envelope = createEnvelope({
      id,
      service: this.#topology.service,
      type: contract.type,
      subject: message.subject,
      sequence: message.sequence,
      data: message.data,
      schemaBaseUrl: this.#schemaBaseUrl,
      time,
      correlationId: message.correlationId ?? flow?.correlationId,
      causationId: flow?.causationId,
    });
    assertLength('subject', envelope.subject, MAX_SUBJECT_BYTES);
    assertLength('correlationId', envelope.correlationid, MAX_CORRELATION_ID_BYTES);
    const body = JSON.stringify(envelope);
    assertLength(`the message as JSON`, body, MAX_BODY_BYTES);
    const entity = contract.type.slice(0, contract.type.indexOf('.'));
    return { id, contract, aggregate: `${entity}:${message.subject}`, body };
  }
}

/** The trace that the caller runs in, as the headers that carry it. */
export function currentTraceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(otelContext.active(), headers);
  return headers;
}
