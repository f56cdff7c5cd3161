import type { ConsumerTopology, Topology } from '../topology.ts';

/** The broker's own delivery limit is only the last net: clean closes during deployments count too. */
const LAST_NET_DELIVERY_LIMIT = 50;
/** Queues that are only looked at and moved: taking a message in hand and giving it back must never drop it. */
const NO_DELIVERY_LIMIT = 1_000_000;

export interface DesiredExchange {
  name: string;
  type: 'topic' | 'direct';
}

/** What a queue is for decides what may be done about one that is no longer wanted. */
export type QueueRole = 'messages' | 'dead-letters' | 'retries';

export interface DesiredQueue {
  name: string;
  role: QueueRole;
  arguments: Record<string, string | number>;
}

export interface DesiredBinding {
  queue: string;
  exchange: string;
  routingKey: string;
  /** The exchange is another service's, and may not be there yet. */
  foreign: boolean;
}

/** What a service wants to find on the broker. All of it is durable. */
export interface DesiredTopology {
  service: string;
  exchanges: DesiredExchange[];
  queues: DesiredQueue[];
  /** In an order in which no message reaches a queue before the ways out of that queue are bound. */
  bindings: DesiredBinding[];
}

/** A quorum queue that loses nothing on dead-lettering: https://www.rabbitmq.com/docs/quorum-queues#dead-lettering */
function quorumQueue(
  name: string,
  role: QueueRole,
  limit: number,
  deadLetter?: { exchange: string; routingKey: string },
): DesiredQueue {
  return {
    name,
    role,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': limit,
      ...(deadLetter && {
        'x-dead-letter-exchange': deadLetter.exchange,
        'x-dead-letter-routing-key': deadLetter.routingKey,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      }),
    },
  };
}

function queuesOf(topology: Topology, { queue, deadLetterQueue, retryTiers }: ConsumerTopology) {
  const { deadLetterExchange, requeueExchange } = topology;
  return [
    quorumQueue(deadLetterQueue, 'dead-letters', NO_DELIVERY_LIMIT),
    quorumQueue(queue, 'messages', LAST_NET_DELIVERY_LIMIT, {
      exchange: deadLetterExchange,
      routingKey: queue,
    }),
    ...retryTiers.map((tier) =>
      quorumQueue(tier.queue, 'retries', NO_DELIVERY_LIMIT, { exchange: requeueExchange, routingKey: queue }),
    ),
  ];
}

/**
 * Everything that a service has on the broker, as a list. It is what gets declared at the start of the service, and
 * what `topology plan` compares the broker with.
 */
export function desiredTopology(topology: Topology): DesiredTopology {
  const { consumers, answerers, deadLetterExchange, retryExchange, requeueExchange } = topology;
  const exchanges: DesiredExchange[] = topology.exchanges.map((name) => ({ name, type: 'topic' }));
  if (topology.repliesExchange) exchanges.push({ name: topology.repliesExchange, type: 'direct' });
  if (consumers.length > 0 || answerers.length > 0) {
    exchanges.push({ name: deadLetterExchange, type: 'topic' });
    exchanges.push({ name: retryExchange, type: 'direct' });
    exchanges.push({ name: requeueExchange, type: 'direct' });
  }
  const own = (queue: string, exchange: string, routingKey: string): DesiredBinding => {
    return { queue, exchange, routingKey, foreign: false };
  };
  return {
    service: topology.service,
    exchanges,
    queues: [
      ...consumers.flatMap((consumer) => queuesOf(topology, consumer)),
      ...answerers.flatMap(({ queue, deadLetterQueue }) => [
        quorumQueue(deadLetterQueue, 'dead-letters', NO_DELIVERY_LIMIT),
        // A request that nobody answered in time is worth nothing: it expires and is gone, the asker was told.
        quorumQueue(queue, 'messages', LAST_NET_DELIVERY_LIMIT),
      ]),
    ],
    bindings: [
      ...[...consumers, ...answerers].map(({ queue, deadLetterQueue }) =>
        own(deadLetterQueue, deadLetterExchange, queue),
      ),
      ...consumers.flatMap(({ queue, retryTiers }) => [
        own(queue, requeueExchange, queue),
        ...retryTiers.map((tier) => own(tier.queue, retryExchange, tier.queue)),
      ]),
      ...[...consumers, ...answerers].flatMap(({ queue, contracts }) =>
        contracts.map(({ exchange, type }) => ({
          queue,
          exchange,
          routingKey: type,
          foreign: !topology.exchanges.includes(exchange),
        })),
      ),
    ],
  };
}
