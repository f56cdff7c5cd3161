/** What one of the contenders for publishing has to be able to do. */
export interface Publisher {
  /**
   * Publishes a persistent message, and says by `done` when the broker has confirmed it. A callback, because that
   * is what the lowest of them has.
   */
  publish(body: Buffer, messageId: string, done: (error?: Error | null) => void): void;
  close(): Promise<void>;
}

export interface PublisherTarget {
  amqpUrl: string;
  exchange: string;
  routingKey: string;
  queue: string;
}

export type OpenPublisher = (target: PublisherTarget) => Promise<Publisher>;

/** The properties that a message of Warren's has; all contenders send the same. */
export function propertiesWith(messageId: string) {
  return {
    contentType: 'application/cloudevents+json; charset=utf-8',
    messageId,
    type: 'reading.taken.v1',
    timestamp: 1_764_000_000,
    appId: 'bench-sensors',
    correlationId: messageId,
    headers: {},
  };
}
