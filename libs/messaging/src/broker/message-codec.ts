import type { ConsumeMessage, Options } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { ENVELOPE_CONTENT_TYPE, type EventEnvelope } from '@warren/contracts';

/** Headers of ours. The attempt count is ours because brokers differ in what they count. */
export const HEADER = {
  failedAttempts: 'x-warren-failed-attempts',
  firstFailureAt: 'x-warren-first-failure-at',
  lastFailureAt: 'x-warren-last-failure-at',
  queue: 'x-warren-queue',
  exchange: 'x-warren-exchange',
  routingKey: 'x-warren-routing-key',
  reason: 'x-warren-reason',
  errorClass: 'x-warren-error-class',
  errorMessage: 'x-warren-error-message',
  errorStack: 'x-warren-error-stack',
  /** Id of the redrive that sent the message last; it stays on the message until the next one. */
  redrive: 'x-warren-redrive',
  redrivenAt: 'x-warren-redriven-at',
  timesRedriven: 'x-warren-times-redriven',
} as const;

/** The AMQP properties that repeat what brokers and tools look at. */
export function propertiesOf(
  envelope: EventEnvelope,
  service: string,
  headers: Record<string, unknown>,
): Options.Publish {
  return {
    contentType: ENVELOPE_CONTENT_TYPE,
    messageId: envelope.id,
    type: envelope.type,
    timestamp: Math.floor(Date.parse(envelope.time) / 1000),
    appId: service,
    correlationId: envelope.correlationid,
    headers,
  };
}

/** What is known of a delivery's history from its headers; a producer of another language sends none of them. */
export interface DeliveryHistory {
  failedAttempts: number;
  firstFailureAt: string | undefined;
  exchange: string;
  routingKey: string;
}

export function historyOf(message: ConsumeMessage): DeliveryHistory {
  const headers = message.properties.headers ?? {};
  const failed: unknown = headers[HEADER.failedAttempts];
  const text = (name: string): string | undefined => {
    const value: unknown = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    failedAttempts: typeof failed === 'number' && Number.isInteger(failed) && failed > 0 ? failed : 0,
    firstFailureAt: text(HEADER.firstFailureAt),
    exchange: text(HEADER.exchange) ?? message.fields.exchange,
    routingKey: text(HEADER.routingKey) ?? message.fields.routingKey,
  };
}

/**
 * What the broker writes into headers; carried on, it would be taken for the history of the new message. And CC and
 * BCC, which the broker reads as more routing keys: a message that is sent on goes to one queue and to no other.
 */
const BROKER_HEADERS = /^(?:x-(?:death|first-death-|last-death-|delivery-count|acquired-count)|CC$|BCC$)/;
/** amqplib encodes a message's headers into 64 KiB; half of that is left to what we add. */
const MAX_CARRIED_HEADER_BYTES = 32 * 1024;

/** The properties of a delivery as they are, for sending it on unchanged but for our headers. */
export function carriedOn(message: ConsumeMessage, headers: Record<string, unknown>): Options.Publish {
  const p = message.properties;
  const carried = Object.fromEntries(
    Object.entries((p.headers ?? {}) as Record<string, unknown>).filter(
      ([name]) => !BROKER_HEADERS.test(name),
    ),
  );
  const fits = Buffer.byteLength(JSON.stringify(carried)) <= MAX_CARRIED_HEADER_BYTES;
  const kept: Record<string, unknown> = {
    contentType: p.contentType,
    contentEncoding: p.contentEncoding,
    // A message of a stranger may have none, and a mandatory one is recognised by it.
    messageId: (p.messageId as string | undefined) || uuidv7(),
    type: p.type,
    timestamp: p.timestamp,
    appId: p.appId,
    correlationId: p.correlationId,
    replyTo: p.replyTo,
  };
  return {
    ...Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)),
    headers: { ...(fits ? carried : { 'x-warren-headers-dropped': true }), ...headers },
  };
}
