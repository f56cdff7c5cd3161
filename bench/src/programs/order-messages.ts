import {
  CancelOrderV1,
  contractOf,
  createEnvelope,
  PlaceOrderV1,
  RecordPaymentV1,
  type DataClass,
} from '@warren/contracts';
import type { ConfirmChannel } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { SCHEMAS } from './schemas.ts';

/** Publishes a command of the gateway's as its relay would, with an id of its own. */
function publish<T extends { orderId: string }>(
  channel: ConfirmChannel,
  dataClass: DataClass<T>,
  data: T,
): void {
  const { type, exchange } = contractOf(dataClass);
  const id = uuidv7();
  const envelope = createEnvelope({
    id,
    service: 'gateway',
    type,
    subject: data.orderId,
    sequence: 0,
    data,
    schemaBaseUrl: SCHEMAS,
  });
  channel.publish(exchange, type, Buffer.from(JSON.stringify(envelope)), {
    persistent: true,
    messageId: id,
    type,
    contentType: 'application/cloudevents+json; charset=utf-8',
  });
}

export function publishOrder(channel: ConfirmChannel, order: Omit<PlaceOrderV1, 'acceptedAt'>): void {
  publish(channel, PlaceOrderV1, { ...order, acceptedAt: new Date().toISOString() });
}

export function publishDecision(
  channel: ConfirmChannel,
  decision: Pick<RecordPaymentV1, 'orderId' | 'paymentId' | 'outcome' | 'amount'>,
): void {
  const occurredAt = new Date().toISOString();
  publish(channel, RecordPaymentV1, { ...decision, callbackId: `evt_${uuidv7()}`, occurredAt });
}

export function publishCancellation(
  channel: ConfirmChannel,
  order: Pick<CancelOrderV1, 'orderId' | 'customerId'>,
): void {
  publish(channel, CancelOrderV1, { ...order, requestedAt: new Date().toISOString() });
}
