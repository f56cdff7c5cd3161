import { isDeepStrictEqual } from 'node:util';
import { breakages, type Breakage } from './compare-contracts.ts';
import type { ReleasedContract } from './released.ts';

export interface CheckResult {
  /** Changes that break others, with what to do instead. */
  broken: (Breakage & { advice: string })[];
  /** Contracts that are new, or changed so that nobody is hurt, and are not recorded yet. */
  unrecorded: { contract: string; change: 'new' | 'changed' }[];
}

/** Holds the contracts of the sources against those that were released. */
export function checkContracts(
  released: readonly ReleasedContract[],
  current: readonly ReleasedContract[],
): CheckResult {
  const now = new Map(current.map((contract) => [contract.type, contract]));
  const before = new Map(released.map((contract) => [contract.type, contract]));
  const result: CheckResult = { broken: [], unrecorded: [] };
  for (const old of released) {
    const contract = now.get(old.type);
    const broken = old.retired
      ? contract
        ? [revived(old)]
        : []
      : contract
        ? breakages(old, contract)
        : [removed(old)];
    const advice = adviceOn(old.type, new Set([...now.keys(), ...before.keys()]), contract !== undefined);
    result.broken.push(...broken.map((breakage) => ({ ...breakage, advice })));
    if (contract && broken.length === 0 && !isDeepStrictEqual(plain(old), plain(contract))) {
      result.unrecorded.push({ contract: old.type, change: 'changed' });
    }
  }
  for (const { type } of current) {
    if (!before.has(type)) result.unrecorded.push({ contract: type, change: 'new' });
  }
  return result;
}

/** As it stands in a file. */
const plain = (contract: ReleasedContract): unknown => JSON.parse(JSON.stringify(contract));

/** Of all of a contract, and of no field of it. */
const ofWhole = ({ type }: ReleasedContract, rule: Breakage['rule'], detail: string): Breakage => ({
  contract: type,
  pointer: '',
  rule,
  detail,
});

const removed = (contract: ReleasedContract): Breakage =>
  ofWhole(
    contract,
    'contract-removed',
    'is gone, or has another type: whoever is bound to its key hears nothing more',
  );

const revived = (contract: ReleasedContract): Breakage =>
  ofWhole(contract, 'retired', 'was retired: its name may mean nothing else');

function adviceOn(type: string, types: ReadonlySet<string>, isThere: boolean): string {
  const next = nextVersion(type, types);
  if (isThere) {
    return `leave ${type} as it is released, and make the change in ${next} beside it (docs/contracts.md, "Two versions")`;
  }
  return `bring it back. When nobody publishes or reads it any more: npm run contracts -- release --retire ${type}`;
}

/** The first major version of the same name that nobody has yet. */
export function nextVersion(type: string, types: ReadonlySet<string>): string {
  const [name, version] = type.split(/\.v(?=\d+$)/) as [string, string];
  let next = Number(version) + 1;
  while (types.has(`${name}.v${next}`)) next += 1;
  return `${name}.v${next}`;
}
