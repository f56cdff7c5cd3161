/** `content-type` of every message: CloudEvents 1.0, structured mode, JSON. */
export const ENVELOPE_CONTENT_TYPE = 'application/cloudevents+json; charset=utf-8';

/**
 * A message as it stands on the wire.
 *
 * Source: CloudEvents 1.0, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md, with the
 * extensions `sequence`, `correlationid` and `causationid`.
 */
export interface EventEnvelope<T = unknown> {
  specversion: '1.0';
  /** With `source` the identity of the message, and the key of idempotency. A UUIDv7 in all that Warren publishes. */
  id: string;
  /** Who published it: `/warren/<service>`. */
  source: string;
  /** Equals the routing key it was first published with. */
  type: string;
  /** Id of the aggregate that the message is about. */
  subject: string;
  /** When it happened: RFC 3339, UTC. */
  time: string;
  datacontenttype: 'application/json';
  /** URL of the JSON Schema of `data`. */
  dataschema: string;
  /** Version of the aggregate after this message: ten digits, zero-padded, so that it sorts as text. */
  sequence: string;
  /** Links everything that follows from one request. */
  correlationid: string;
  /** Id of the message that this one follows from; absent when a request from outside caused it. */
  causationid?: string;
  data: T;
}

export interface EnvelopeParts<T> {
  /** A UUIDv7. */
  id: string;
  /** Who publishes it. */
  service: string;
  type: string;
  subject: string;
  /** Version of the aggregate after this message; 0 where there is none. */
  sequence: number;
  data: T;
  /** Where schemas are served, for example `https://api.example.com/schemas`, with no slash at its end. */
  schemaBaseUrl: string;
  /** Default: now. */
  time?: Date | undefined;
  /** Default: the message's own id. */
  correlationId?: string | undefined;
  /** Default: none. */
  causationId?: string | undefined;
}

/**
 * Makes the envelope of a message that Warren publishes.
 *
 * @throws RangeError when `sequence` is no version, see {@link formatSequence}
 */
export function createEnvelope<T>(parts: EnvelopeParts<T>): EventEnvelope<T> {
  const { id, service, type, subject, sequence, data, schemaBaseUrl, time = new Date() } = parts;
  return {
    specversion: '1.0',
    id,
    source: `/warren/${service}`,
    type,
    subject,
    time: time.toISOString(),
    datacontenttype: 'application/json',
    dataschema: `${schemaBaseUrl}/${type}.json`,
    sequence: formatSequence(sequence),
    correlationid: parts.correlationId ?? id,
    ...(parts.causationId !== undefined && { causationid: parts.causationId }),
    data,
  };
}

/** A body that is not one of our envelopes. Sending the same bytes again can't help. */
export class MalformedEnvelope extends Error {
  override readonly name = 'MalformedEnvelope';
}

const MAX_SEQUENCE = 9_999_999_999;

/** In bytes of UTF-8. Those of 255 stand in AMQP properties as well, which hold no more. */
const LONGEST_ATTRIBUTES = {
  id: 255,
  source: 512,
  type: 255,
  subject: 512,
  time: 64,
  correlationid: 255,
} as const;

/** @throws RangeError unless `version` is an integer from 0 to 9,999,999,999. */
export function formatSequence(version: number): string {
  if (!Number.isInteger(version) || version < 0 || version > MAX_SEQUENCE) {
    throw new RangeError(`sequence must be an integer from 0 to ${MAX_SEQUENCE}, not ${version}`);
  }
  return String(version).padStart(10, '0');
}

/** @throws MalformedEnvelope unless `sequence` is ten digits. */
export function parseSequence(sequence: string): number {
  if (!/^\d{10}$/.test(sequence)) throw new MalformedEnvelope('"sequence" must be ten digits');
  return Number(sequence);
}

/**
 * Reads a message body. Attributes that this version does not know are kept and ignored, as CloudEvents asks.
 *
 * @throws MalformedEnvelope, naming the attribute that is wrong.
 */
export function parseEnvelope(body: Uint8Array): EventEnvelope {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // No cause: the parser's error quotes the body.
    throw new MalformedEnvelope('the body is not JSON in UTF-8');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new MalformedEnvelope('the body is not a JSON object');
  }
  const envelope = parsed as Record<string, unknown>;
  if (envelope['specversion'] !== '1.0') throw new MalformedEnvelope('"specversion" must be "1.0"');
  for (const [name, limit] of Object.entries(LONGEST_ATTRIBUTES)) {
    const value = envelope[name];
    if (typeof value !== 'string' || value.length === 0 || new TextEncoder().encode(value).length > limit) {
      throw new MalformedEnvelope(`"${name}" must be a string of 1 to ${limit} bytes`);
    }
  }
  if (Number.isNaN(Date.parse(envelope['time'] as string))) {
    throw new MalformedEnvelope('"time" must be an RFC 3339 timestamp');
  }
  if (typeof envelope['sequence'] !== 'string') throw new MalformedEnvelope('"sequence" must be ten digits');
  parseSequence(envelope['sequence']);
  const causation = envelope['causationid'];
  if (causation !== undefined && (typeof causation !== 'string' || causation.length > 512)) {
    throw new MalformedEnvelope('"causationid" must be a string of up to 512 characters');
  }
  if (typeof envelope['data'] !== 'object' || envelope['data'] === null) {
    throw new MalformedEnvelope('"data" must be an object');
  }
  return envelope as unknown as EventEnvelope;
}
