import { desiredTopology } from '../broker/desired-topology.ts';
import { ManagementApi } from '../broker/management-api.ts';
import type { Topology } from '../topology.ts';
import { readBrokerState } from './broker-state.ts';
import { compareTopologies } from './compare.ts';
import type { TopologyDifference, TopologyPlan } from './differences.ts';

export interface PlanOptions {
  /** Of the services that are looked at; those of all services tell what belongs to nobody. */
  topologies: readonly Topology[];
  /** The management API, with the credentials of somebody who may see everything: `http://user:password@host:15672`. */
  managementUrl: string;
  /** Virtual host of the services. */
  vhost: string;
}

/**
 * What differs on the broker from the descriptions of the services, and what to do about each.
 *
 * @throws ManagementFailure when the management API can't be reached, or refuses
 */
export async function planTopology({ topologies, managementUrl, vhost }: PlanOptions): Promise<TopologyPlan> {
  const api = new ManagementApi(managementUrl, vhost);
  return compareTopologies(topologies.map(desiredTopology), await readBrokerState(api));
}

export interface MendOptions extends PlanOptions {
  /**
   * Also removes what is there and described nowhere, as far as nothing is lost by it: bindings first, then queues
   * that hold no message and have no consumer, then exchanges that nothing is bound to. Default false.
   */
  prune?: boolean;
  /** Told of each thing that was done. */
  onDone?: (what: string) => void;
}

/**
 * Creates what is missing. What exists is never changed, and nothing that holds a message is deleted.
 *
 * @returns what still differs
 */
export async function mendTopology(options: MendOptions): Promise<TopologyPlan> {
  const { managementUrl, vhost, prune = false, onDone = () => undefined } = options;
  const api = new ManagementApi(managementUrl, vhost);
  for (const difference of (await planTopology(options)).differences) {
    if (difference.mend !== 'create') continue;
    await create(api, difference);
    onDone(`created ${difference.what}`);
  }
  if (prune) {
    // A removed binding empties nothing by itself, but it keeps a queue empty that was; hence the order, and the
    // second look: what is to go is judged by what is there after everything before it has gone.
    for (const kind of ['binding', 'queue', 'exchange'] as const) {
      for (const difference of (await planTopology(options)).differences) {
        if (difference.mend !== 'prune' || !(kind in difference.target)) continue;
        if (await remove(api, difference)) onDone(`removed ${difference.what}`);
      }
    }
  }
  return planTopology(options);
}

async function create(api: ManagementApi, { target }: TopologyDifference): Promise<void> {
  if ('exchange' in target) {
    const { name, type } = target.exchange;
    await api.put({ type, durable: true }, 'exchanges', name);
  } else if ('queue' in target) {
    const { name, arguments: args } = target.queue;
    await api.put({ durable: true, arguments: args }, 'queues', name);
  } else {
    const { exchange, queue, routingKey } = target.binding;
    await api.post({ routing_key: routingKey }, 'bindings', 'e', exchange, 'q', queue);
  }
}

/** @returns false when it is to stay, because it came into use meanwhile */
async function remove(api: ManagementApi, { target }: TopologyDifference): Promise<boolean> {
  if ('binding' in target) {
    const { exchange, queue } = target.binding;
    const key = 'propertiesKey' in target.binding ? target.binding.propertiesKey : target.binding.routingKey;
    await api.delete('bindings', 'e', exchange, 'q', queue, key);
    return true;
  }
  if ('exchange' in target) {
    await api.delete('exchanges', target.exchange.name);
    return true;
  }
  return removeIfEmpty(api, target.queue.name);
}

/**
 * The broker can't delete a quorum queue on the condition that it is empty, and its counts are seconds old. So the
 * queue is asked itself for a message; with no binding left, none can come after that.
 */
async function removeIfEmpty(api: ManagementApi, queue: string): Promise<boolean> {
  const found = await api.find<{ consumer_details?: unknown[] }>('queues', queue);
  const bindings = await api.find<{ source: string }[]>('queues', queue, 'bindings');
  if (!found || !bindings) return false; // somebody else was faster
  if (bindings.some(({ source }) => source !== '') || (found.consumer_details ?? []).length > 0) return false;
  const look = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
  if ((await api.post<unknown[]>(look, 'queues', queue, 'get')).length > 0) return false;
  await api.delete('queues', queue);
  return true;
}
