import type { DataClass, EventEnvelope } from '@warren/contracts';
import type { SettledDelivery, Topology } from '@warren/messaging';
import { nameOf } from './handler-faults.ts';
import type { IncomingMessage } from './incoming-message.ts';
import { tally } from './wait-for.ts';

/** A message that the test published, all messages of a contract, or all of a type. */
export type MessageTarget = IncomingMessage | DataClass | string;

/** Outcomes after which a message does not come back by itself. */
const FINAL = new Set<SettledDelivery['outcome']>(['done', 'duplicate', 'dead-lettered', 'failed']);

function isMessage(what: MessageTarget): what is IncomingMessage {
  return typeof what === 'object';
}

export function describeTarget(what: MessageTarget): string {
  return isMessage(what) ? `${what.type} ${what.id}` : nameOf(what);
}

/** What the test published to the service, and how its deliveries ended. */
export class MessageLog {
  /** A message that was published twice is there twice. */
  readonly sent: IncomingMessage[] = [];
  readonly deliveries: SettledDelivery[] = [];

  deliveriesOf(what: MessageTarget): SettledDelivery[] {
    if (isMessage(what)) return this.deliveries.filter(({ messageId }) => messageId === what.id);
    const type = nameOf(what);
    return this.deliveries.filter((delivery) => delivery.type === type);
  }

  /**
   * Messages to the service of which fewer deliveries have ended for good than there were publications.
   *
   * @param published by the service, of which some may be to itself
   */
  unsettled({ consumers }: Topology, published: readonly EventEnvelope[]): { id: string; type: string }[] {
    const consumed = new Set(consumers.flatMap(({ contracts }) => contracts.map(({ type }) => type)));
    const toItself = published.filter(({ type }) => consumed.has(type));
    const ended = new Map<string, number>();
    for (const { messageId, outcome } of this.deliveries) {
      if (messageId === undefined || !FINAL.has(outcome)) continue;
      ended.set(messageId, (ended.get(messageId) ?? 0) + 1);
    }
    return [...this.sent, ...toItself].filter(({ id }) => {
      const left = ended.get(id) ?? 0;
      ended.set(id, left - 1);
      return left < 1;
    });
  }

  /** What was published here, how deliveries ended, and what the last of them failed with. */
  summary(mostErrors: number): string[] {
    const outcomes = this.deliveries.map(
      ({ queue, type, outcome }) => `${type ?? 'a message'} ${outcome} in ${queue}`,
    );
    const errors = this.deliveries.flatMap(({ error }) => (error ? [`${error.name}: ${error.message}`] : []));
    return [
      `published by the test: ${tally(this.sent.map(({ type }) => type))}`,
      `settled: ${tally(outcomes)}`,
      ...[...new Set(errors)].slice(-mostErrors).map((error) => `failed with: ${error}`),
    ];
  }
}
