import { desiredTopology, type DesiredQueue, type Topology } from '@warren/messaging';

interface DescribedQueue {
  name: string;
  durable: true;
  exclusive: false;
  autoDelete: false;
  /** As they are declared: `x-queue-type` and the rest. */
  arguments: DesiredQueue['arguments'];
}

/** A queue of a service with the way of a message that fails there. */
export interface QueueDescription extends DescribedQueue {
  /** How often a message is tried in all; absent for requests, which are tried once. */
  attempts?: number;
  /** Where a message waits after a failure; the last delay is used again when there are more attempts. */
  retries?: { exchange: string; requeueExchange: string; queues: (DescribedQueue & { delayMs: number })[] };
  deadLetter: { exchange: string; exchangeType: 'topic'; routingKey: string; queue: DescribedQueue };
}

/** @param queue the name of a queue that the service consumes from */
export function queueOf(topology: Topology, queue: string): QueueDescription {
  const { queues } = desiredTopology(topology);
  const described = (name: string): DescribedQueue => {
    const found = queues.find((each) => each.name === name);
    if (!found) throw new Error(`${topology.service} has no queue ${name}`);
    return { name, durable: true, exclusive: false, autoDelete: false, arguments: found.arguments };
  };
  const consumer = topology.consumers.find((each) => each.queue === queue);
  const { deadLetterQueue } = consumer ?? topology.answerers.find((each) => each.queue === queue)!;
  return {
    ...described(queue),
    ...(consumer && {
      attempts: consumer.attempts,
      retries: {
        exchange: topology.retryExchange,
        requeueExchange: topology.requeueExchange,
        queues: consumer.retryTiers.map((tier) => ({ ...described(tier.queue), delayMs: tier.delayMs })),
      },
    }),
    deadLetter: {
      exchange: topology.deadLetterExchange,
      exchangeType: 'topic',
      routingKey: queue,
      queue: described(deadLetterQueue),
    },
  };
}
