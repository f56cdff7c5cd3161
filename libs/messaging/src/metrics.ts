import { metrics, type Counter, type Histogram } from '@opentelemetry/api';

/** What one delivery came to. */
export type OutcomeName = 'done' | 'duplicate' | 'retried' | 'dead-lettered' | 'given-back' | 'failed';

/** As the semantic conventions advise, in seconds. */
const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * The library's instruments, on the OpenTelemetry API: without an SDK they cost nothing.
 *
 * Names where there are any: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/
 */
export class MessagingMetrics {
  readonly #sent: Counter;
  readonly #unrouted: Counter;
  readonly #consumed: Counter;
  readonly #duration: Histogram;

  constructor() {
    const meter = metrics.getMeter('@warren/messaging');
    this.#sent = meter.createCounter('messaging.client.sent.messages', {
      description: 'Messages published and confirmed',
      unit: '{message}',
    });
    this.#unrouted = meter.createCounter('warren.outbox.unrouted', {
      description: 'Events that no queue received',
      unit: '{message}',
    });
    this.#consumed = meter.createCounter('messaging.client.consumed.messages', {
      description: 'Deliveries, by queue and outcome',
      unit: '{message}',
    });
    this.#duration = meter.createHistogram('messaging.process.duration', {
      description: 'Time from delivery to settlement',
      unit: 's',
      advice: { explicitBucketBoundaries: DURATION_BUCKETS_S },
    });
  }

  relayed(messages: number): void {
    if (messages > 0) this.#sent.add(messages, { 'messaging.system': 'rabbitmq' });
  }

  unrouted(type: string): void {
    this.#unrouted.add(1, { 'warren.message.type': type });
  }

  settled(queue: string, outcome: OutcomeName, seconds: number): void {
    const attributes = {
      'messaging.system': 'rabbitmq',
      'messaging.destination.name': queue,
      'warren.outcome': outcome,
    };
    this.#consumed.add(1, attributes);
    this.#duration.record(seconds, attributes);
  }
}
