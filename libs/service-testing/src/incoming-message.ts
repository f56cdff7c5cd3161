import {
  assertData,
  contractOf,
  createEnvelope,
  type DataClass,
  type EventEnvelope,
} from '@warren/contracts';
import { v7 as uuidv7 } from 'uuid';

const SCHEMA_BASE_URL = 'http://127.0.0.1:7080/schemas';

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
  assertData(dataClass, data, 'refuse');
  const { type, publishedBy } = contractOf(dataClass);
  const { id = uuidv7(), aggregateId = uuidv7(), sequence = 1, time, correlationId, causationId } = options;
  const envelope = createEnvelope({
    id,
    service: publishedBy,
    type,
    subject: aggregateId,
    sequence,
    data,
    schemaBaseUrl: SCHEMA_BASE_URL,
    time,
    correlationId,
    causationId,
  });
  return { id, type, envelope };
}
