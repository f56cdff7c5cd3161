import type { ConsumeMessage } from 'amqplib';
import { MessagingMetrics } from '../metrics.ts';
import { Deliveries, type SettledDelivery } from './deliveries.ts';

const message = (properties: object, redelivered = false) =>
  ({ content: Buffer.from(''), properties, fields: { redelivered } }) as ConsumeMessage;

describe('whoever listens to deliveries', () => {
  const errors: string[] = [];
  const logger = {
    log: () => undefined,
    warn: () => undefined,
    error: (text: string) => void errors.push(text),
  };

  it('is told how each ended and why, until it listens no more', () => {
    const deliveries = new Deliveries(new MessagingMetrics(), logger, () => 3);
    const told: SettledDelivery[] = [];
    const end = deliveries.onSettled((delivery) => told.push(delivery));
    deliveries.settled(
      'track-service.parcels',
      message({ messageId: 'm-1', type: 'parcel.moved.v1' }),
      'done',
      0.1,
    );
    const error = new Error('no room');
    deliveries.settled('track-service.parcels', message({ messageId: 7 }, true), 'retried', 0.1, error);
    end();
    deliveries.settled('track-service.parcels', message({}), 'done', 0.1);

    const queue = 'track-service.parcels';
    expect(told).toEqual([
      { queue, outcome: 'done', messageId: 'm-1', type: 'parcel.moved.v1', redelivered: false },
      { queue, outcome: 'retried', messageId: undefined, type: undefined, redelivered: true, error },
    ]);
    expect(deliveries.inHand).toBe(3);
  });

  it('harms neither the delivery nor other listeners by throwing', () => {
    const deliveries = new Deliveries(new MessagingMetrics(), logger, () => 0);
    let calls = 0;
    deliveries.onSettled(() => {
      throw new Error('the audit is full');
    });
    deliveries.onSettled(() => (calls += 1));
    deliveries.settled('track-service.parcels', message({}), 'done', 0.1);
    expect(calls).toBe(1);
    expect(errors).toEqual(['a listener of deliveries failed: Error: the audit is full']);
  });
});
