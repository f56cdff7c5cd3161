import type { Contract } from '@warren/contracts';
import type { Topology } from '@warren/messaging';

/** Which services have a contract in their topology. */
export interface Users {
  publishes: string[];
  consumes: string[];
}

/**
 * Who publishes and who consumes each type, by what the services say in their topology.ts.
 *
 * @param contracts all of them: only they know what requests are answered with
 */
export function usersByType(
  topologies: readonly Topology[],
  contracts: readonly Contract[],
): Map<string, Users> {
  const users = new Map<string, Users>();
  const add = (type: string | undefined, side: keyof Users, service: string) => {
    if (type === undefined) return;
    const known = users.get(type) ?? { publishes: [], consumes: [] };
    users.set(type, known);
    if (!known[side].includes(service)) known[side].push(service);
  };
  const replyTo = ({ type }: Contract) => replyTypeOf(type, contracts);
  for (const { service, publishes, consumers, answerers, asks } of topologies) {
    for (const { type } of publishes) add(type, 'publishes', service);
    for (const { type } of consumers.flatMap(({ contracts }) => contracts)) add(type, 'consumes', service);
    for (const contract of asks) {
      add(contract.type, 'publishes', service);
      add(replyTo(contract), 'consumes', service);
    }
    for (const contract of answerers.flatMap(({ contracts }) => contracts)) {
      add(contract.type, 'consumes', service);
      add(replyTo(contract), 'publishes', service);
    }
  }
  return users;
}

/** The type that a request is answered with; undefined when it is no request, or none of `contracts`. */
export function replyTypeOf(type: string, contracts: readonly Contract[]): string | undefined {
  const reply = contracts.find((contract) => contract.type === type)?.reply;
  return reply && contracts.find(({ dataClass }) => dataClass === reply)?.type;
}
