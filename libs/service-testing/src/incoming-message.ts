import {
  contractOf,
  ENVELOPE_CONTENT_TYPE,
  formatSequence,
  validateData,
  type DataClass,
  type EventEnvelope,
} from '@warren/contracts';
import type { Options } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';

export interface PublishOptions {
  /** The envelope's `subject`. Default: an id of its own. */
  aggregateId?: string;
  /** Version of the aggregate after what the message tells of. Default 1. */
  sequence?: number;
  /** Default: a new UUIDv7. */
  id?: string;
  /** Default: the message's own id. */
  correlationId?: string;
  /** Default: none. */
  causationId?: string;
  /** When it happened. Default: now. */
  time?: Date;
}

/** A message that the test has published. */
export interface IncomingMessage<T extends object = object> {
  readonly id: string;
  readonly type: string;
  readonly envelope: EventEnvelope<T>;
}

/**
 * Composes a message as the service that owns its contract would.
 *
 * @throws InvalidData when the data is not what the contract allows
 */
export function composeMessage<T extends object>(
  dataClass: DataClass<T>,
  data: T,
  options: PublishOptions,
): IncomingMessage<T> {
  validateData(dataClass, data, 'refuse');
  const { type, publishedBy } = contractOf(dataClass);
  const { id = uuidv7(), aggregateId = uuidv7(), sequence = 1, causationId, time = new Date() } = options;
  const envelope: EventEnvelope<T> = {
    specversion: '1.0',
    id,
    source: `/warren/${publishedBy}`,
    type,
    subject: aggregateId,
    time: time.toISOString(),
    datacontenttype: 'application/json',
    dataschema: `http://127.0.0.1:7080/schemas/${type}.json`,
    sequence: formatSequence(sequence),
    correlationid: options.correlationId ?? id,
    ...(causationId !== undefined && { causationid: causationId }),
    data,
  };
  return { id, type, envelope };
}

export function propertiesOf({ id, type, envelope }: IncomingMessage): Options.Publish {
  return {
    contentType: ENVELOPE_CONTENT_TYPE,
    messageId: id,
    type,
    timestamp: Math.floor(Date.parse(envelope.time) / 1000),
    appId: envelope.source.slice('/warren/'.length),
    correlationId: envelope.correlationid,
  };
}
