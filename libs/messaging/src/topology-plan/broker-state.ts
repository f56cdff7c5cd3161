import type { ManagementApi } from '../broker/management-api.ts';

export interface ActualExchange {
  name: string;
  type: string;
  durable: boolean;
  arguments: Record<string, unknown>;
}

export interface ActualQueue {
  name: string;
  durable: boolean;
  exclusive: boolean;
  autoDelete: boolean;
  arguments: Record<string, unknown>;
  /** What policies add to the arguments, or narrow in them. */
  policy: Record<string, unknown>;
  /** Messages that are ready or in somebody's hand, as the broker last counted them (every five seconds). */
  messages: number;
  consumers: number;
}

export interface ActualBinding {
  exchange: string;
  queue: string;
  routingKey: string;
  /** The broker's name for it among the bindings of the same two. */
  propertiesKey: string;
}

/** What a virtual host has, as far as it matters to services. */
export interface BrokerState {
  exchanges: ActualExchange[];
  queues: ActualQueue[];
  bindings: ActualBinding[];
}

interface QueueAnswer {
  name: string;
  durable: boolean;
  exclusive?: boolean;
  auto_delete: boolean;
  arguments: Record<string, unknown>;
  effective_policy_definition?: Record<string, unknown> | null;
  messages?: number;
  consumers?: number;
}

interface BindingAnswer {
  source: string;
  destination: string;
  destination_type: 'queue' | 'exchange';
  routing_key: string;
  properties_key: string;
}

/** Reads the whole state of a virtual host. The broker's own exchanges, and its bindings to them, are left out. */
export async function readBrokerState(api: ManagementApi): Promise<BrokerState> {
  const [exchanges, queues, bindings] = await Promise.all([
    api.get<ActualExchange[]>('exchanges'),
    api.get<QueueAnswer[]>('queues'),
    api.get<BindingAnswer[]>('bindings'),
  ]);
  return {
    exchanges: exchanges.filter(({ name }) => name !== '' && !name.startsWith('amq.')),
    queues: queues.map((queue) => ({
      name: queue.name,
      durable: queue.durable,
      exclusive: queue.exclusive ?? false,
      autoDelete: queue.auto_delete,
      arguments: queue.arguments,
      policy: queue.effective_policy_definition ?? {},
      messages: queue.messages ?? 0,
      consumers: queue.consumers ?? 0,
    })),
    bindings: bindings
      .filter(({ source, destination_type }) => source !== '' && destination_type === 'queue')
      .map((binding) => ({
        exchange: binding.source,
        queue: binding.destination,
        routingKey: binding.routing_key,
        propertiesKey: binding.properties_key,
      })),
  };
}
