import { allContracts, type Contract } from '@warren/contracts';
import type { Topology } from '@warren/messaging';
import { appsWithTopology, loadTopology } from '../../topology/load-topologies.ts';

/** What the reference is made from: every contract that is registered, and the topology of every app that has one. */
export interface ReferenceSources {
  contracts: readonly Contract[];
  topologies: readonly Topology[];
}

/** @throws NoTopology when an app is not built */
export async function loadReferenceSources(): Promise<ReferenceSources> {
  return {
    contracts: allContracts,
    topologies: await Promise.all(appsWithTopology().map((app) => loadTopology(app))),
  };
}

/** Types beside which the next major version stands already: they go when nobody reads them any more. */
export function supersededBy(contracts: readonly Contract[]): Map<string, string> {
  const nameOf = ({ type, version }: Contract): string => type.slice(0, -`.v${version}`.length);
  const superseded = new Map<string, string>();
  for (const contract of contracts) {
    const [newest] = contracts
      .filter((each) => nameOf(each) === nameOf(contract) && each.version > contract.version)
      .sort((one, other) => other.version - one.version);
    if (newest) superseded.set(contract.type, newest.type);
  }
  return superseded;
}
