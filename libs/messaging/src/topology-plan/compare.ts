import { isDeepStrictEqual } from 'node:util';
import type { DesiredBinding, DesiredQueue, DesiredTopology } from '../broker/desired-topology.ts';
import { adviceOnExtraBinding, adviceOnExtraQueue, adviceOnOtherQueue } from './advice.ts';
import type { ActualBinding, ActualQueue, BrokerState } from './broker-state.ts';
import type { TopologyDifference, TopologyNotice, TopologyPlan } from './differences.ts';

/** Outsiders' queues: by name, or named by the broker. */
const GUESTS = /^(?:guest-consumer\.|amq\.gen-)/;
/** Policies with which messages vanish or take other ways than the services count on. */
const MEDDLING = /^(?:message-ttl|expires|max-length|overflow|delivery-limit|dead-letter|queue-master|ha-)/;

/**
 * Compares the broker with what services want of it. A pure function.
 *
 * What starts with the name of a service and a dot is that service's; other things are looked at only as far as
 * services are bound to them.
 */
export function compareTopologies(desired: readonly DesiredTopology[], state: BrokerState): TopologyPlan {
  const exchanges = new Set(
    [...desired.flatMap((topology) => topology.exchanges), ...state.exchanges].map(({ name }) => name),
  );
  const differences = desired.flatMap((topology) => [
    ...compareExchanges(topology, state),
    ...compareQueues(topology, state),
    ...compareBindings(topology, state, exchanges),
  ]);
  return {
    differences: differences.toSorted((a, b) => rank(a) - rank(b)),
    notices: noticesOf(desired, state),
  };
}

/** What is missing first, and exchanges before queues before bindings, as they are created. */
function rank({ kind, target }: TopologyDifference): number {
  const kinds = { missing: 0, different: 10, extra: 20 };
  return kinds[kind] + ('exchange' in target ? 0 : 'queue' in target ? 1 : 2);
}

const isOwn = (service: string) => (name: string) => name.startsWith(`${service}.`);

/** Exchanges between the queues of one service, which nobody else has a reason to be bound to. */
const isForItself = (service: string, exchange: string) =>
  ['dead-letter', 'retry', 'requeue'].some((purpose) => exchange === `${service}.${purpose}`);

function compareExchanges({ service, exchanges }: DesiredTopology, state: BrokerState): TopologyDifference[] {
  const actual = new Map(state.exchanges.map((exchange) => [exchange.name, exchange]));
  const wanted = new Set(exchanges.map(({ name }) => name));
  const differences: TopologyDifference[] = [];
  for (const exchange of exchanges) {
    const what = `exchange ${exchange.name}`;
    const found = actual.get(exchange.name);
    if (!found) {
      const advice = `apply creates it; so does ${service} when it starts`;
      differences.push({ kind: 'missing', service, what, mend: 'create', advice, target: { exchange } });
    } else if (found.type !== exchange.type || !found.durable) {
      differences.push({
        kind: 'different',
        service,
        what,
        detail: `it is ${found.durable ? 'durable' : 'transient'} ${found.type}, wanted is durable ${exchange.type}`,
        mend: 'by-hand',
        advice: `stop ${service} and whoever publishes to it, delete it, apply, start them again`,
        target: { exchange: found },
      });
    }
  }
  for (const exchange of state.exchanges.filter(({ name }) => isOwn(service)(name) && !wanted.has(name))) {
    const bound = state.bindings.filter((binding) => binding.exchange === exchange.name);
    differences.push({
      kind: 'extra',
      service,
      what: `exchange ${exchange.name}`,
      mend: bound.length === 0 ? 'prune' : 'by-hand',
      advice:
        bound.length === 0
          ? 'apply --prune deletes it: nothing is bound to it'
          : `unbind ${bound.map(({ queue }) => queue).join(', ')} first`,
      target: { exchange },
    });
  }
  return differences;
}

function compareQueues({ service, queues }: DesiredTopology, state: BrokerState): TopologyDifference[] {
  const actual = new Map(state.queues.map((queue) => [queue.name, queue]));
  const wanted = new Set(queues.map(({ name }) => name));
  const differences: TopologyDifference[] = [];
  for (const queue of queues) {
    const what = `queue ${queue.name}`;
    const found = actual.get(queue.name);
    if (!found) {
      const advice = `apply creates it; so does ${service} when it starts`;
      differences.push({ kind: 'missing', service, what, mend: 'create', advice, target: { queue } });
      continue;
    }
    const detail = differencesOf(queue, found);
    if (detail.length > 0) {
      differences.push({
        kind: 'different',
        service,
        what,
        detail: detail.join('; '),
        mend: 'by-hand',
        advice: adviceOnOtherQueue(service, queue, found),
        target: { queue: found },
      });
    }
  }
  for (const queue of state.queues.filter(({ name }) => isOwn(service)(name) && !wanted.has(name))) {
    if (queue.exclusive || queue.autoDelete) continue; // a process's own, for example for replies
    differences.push({
      kind: 'extra',
      service,
      what: `queue ${queue.name}`,
      detail: `${queue.messages} messages, ${queue.consumers} consumers`,
      ...adviceOnExtraQueue(service, queue),
      target: { queue },
    });
  }
  return differences;
}

function differencesOf(wanted: DesiredQueue, found: ActualQueue): string[] {
  const names = new Set([...Object.keys(wanted.arguments), ...Object.keys(found.arguments)]);
  const told = (value: unknown) => (value === undefined ? 'not set' : String(value));
  return [
    ...(found.durable && !found.exclusive && !found.autoDelete ? [] : ['it is not durable']),
    ...[...names]
      .filter((name) => !isDeepStrictEqual(wanted.arguments[name], found.arguments[name]))
      .map((name) => `${name} is ${told(found.arguments[name])}, wanted ${told(wanted.arguments[name])}`),
  ];
}

type Bound = DesiredBinding | ActualBinding;

function compareBindings(
  { service, bindings, queues }: DesiredTopology,
  state: BrokerState,
  exchanges: ReadonlySet<string>,
): TopologyDifference[] {
  const key = ({ exchange, queue, routingKey }: Bound) => JSON.stringify([exchange, queue, routingKey]);
  const actual = new Set(state.bindings.map(key));
  const wanted = new Set(bindings.map(key));
  const wantedQueues = new Set(queues.map(({ name }) => name));
  const queueOf = new Map(state.queues.map((queue) => [queue.name, queue]));
  const aboutBinding = (binding: Bound) => ({
    service,
    what: `binding of ${binding.queue} to ${binding.exchange} by ${binding.routingKey}`,
    target: { binding },
  });

  const missing = bindings.filter((binding) => !actual.has(key(binding)));
  const extra = state.bindings.filter((binding) => {
    const queue = queueOf.get(binding.queue);
    if (!queue || queue.exclusive || queue.autoDelete || wanted.has(key(binding))) return false;
    // Who else subscribes to a public exchange is nobody's business.
    return isOwn(service)(binding.queue) || isForItself(service, binding.exchange);
  });
  return [
    ...missing.map((binding): TopologyDifference => ({
      kind: 'missing',
      ...aboutBinding(binding),
      ...(exchanges.has(binding.exchange)
        ? { mend: 'create', advice: `apply creates it; so does ${service} when it starts` }
        : {
            mend: 'by-hand',
            advice: `${binding.exchange} is not there: apply the service that owns it, too`,
          }),
    })),
    ...extra.map((binding): TopologyDifference => ({
      kind: 'extra',
      ...aboutBinding(binding),
      ...adviceOnExtraBinding(service, binding, wantedQueues, queueOf.get(binding.queue)!),
    })),
  ];
}

function noticesOf(desired: readonly DesiredTopology[], state: BrokerState): TopologyNotice[] {
  const isClaimed = (name: string) => desired.some(({ service }) => isOwn(service)(name));
  const ours = new Set(desired.flatMap(({ queues }) => queues.map(({ name }) => name)));
  return state.queues.flatMap((queue): TopologyNotice[] => {
    const what = `queue ${queue.name}`;
    if (ours.has(queue.name)) {
      const policies = Object.entries(queue.policy).filter(([name]) => MEDDLING.test(name));
      const told = policies.map(([name, value]) => `${name} ${String(value)}`).join(', ');
      return told ? [{ what, advice: `a policy gives it ${told}: messages may be lost by that` }] : [];
    }
    if (isClaimed(queue.name) || GUESTS.test(queue.name) || queue.exclusive || queue.autoDelete) return [];
    const advice = `belongs to none of these services and holds ${queue.messages} messages: unless somebody consumes it (${queue.consumers} consumers now), it fills up`;
    return [{ what, advice }];
  });
}
