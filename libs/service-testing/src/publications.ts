import {
  contractOf,
  MalformedEnvelope,
  parseEnvelope,
  type DataClass,
  type EventEnvelope,
} from '@warren/contracts';
import type { Topology } from '@warren/messaging';
import { captureMessages, type CapturedMessages } from '@warren/testing';

/** Everything that the service has published, as a subscriber sees it. */
export class Publications {
  readonly #source: string;
  readonly #captures: CapturedMessages[];
  /** How much of each capture was read already. */
  readonly #read: number[];
  readonly #envelopes: EventEnvelope[] = [];

  private constructor(service: string, captures: CapturedMessages[]) {
    this.#source = `/warren/${service}`;
    this.#captures = captures;
    this.#read = captures.map(() => 0);
  }

  /** Subscribes to every exchange that the service publishes to; they must be there. */
  static async of(url: string, { service, publishes }: Topology): Promise<Publications> {
    const exchanges = [...new Set(publishes.map(({ exchange }) => exchange))];
    const captures: CapturedMessages[] = [];
    try {
      for (const exchange of exchanges) captures.push(await captureMessages(url, exchange, '#'));
    } catch (error) {
      await Promise.all(captures.map((capture) => capture.close()));
      throw error;
    }
    return new Publications(service, captures);
  }

  /** In the order of arrival, for each exchange. */
  get all(): readonly EventEnvelope[] {
    for (const [i, { all }] of this.#captures.entries()) {
      for (; this.#read[i]! < all.length; this.#read[i]!++) {
        const envelope = envelopeIn(all[this.#read[i]!]!.body);
        if (envelope?.source === this.#source) this.#envelopes.push(envelope);
      }
    }
    return this.#envelopes;
  }

  matching<T extends object>(
    dataClass: DataClass<T>,
    condition: (message: EventEnvelope<T>) => boolean = () => true,
  ): EventEnvelope<T>[] {
    const { type } = contractOf(dataClass);
    return (this.all as readonly EventEnvelope<T>[]).filter(
      (envelope) => envelope.type === type && condition(envelope),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#captures.map((capture) => capture.close()));
  }
}

/** Undefined for what is no envelope: somebody else's, for an outbox makes nothing else. */
function envelopeIn(body: Buffer): EventEnvelope | undefined {
  try {
    return parseEnvelope(body);
  } catch (error) {
    if (error instanceof MalformedEnvelope) return undefined;
    throw error;
  }
}
