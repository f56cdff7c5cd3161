import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContractKind, DataSchema } from '@warren/contracts';
import { ROOT } from '../config.ts';

/** A contract as others build on it: what is kept in `libs/contracts/released/<type>.json`. */
export interface ReleasedContract {
  readonly type: string;
  readonly kind: ContractKind;
  /** Null for replies. */
  readonly exchange: string | null;
  /** Null for replies. */
  readonly routingKey: string | null;
  readonly owner: string;
  /** The type that a request is answered with. */
  readonly reply?: string;
  /** Nobody may publish it any more, and no other contract may have its name. */
  readonly retired?: true;
  readonly schema: DataSchema;
}

export const RELEASED_DIRECTORY = join(ROOT, 'libs/contracts/released');

/** Everything that was released, retired or not, in the order of the names. */
export function readReleased(directory = RELEASED_DIRECTORY): ReleasedContract[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as ReleasedContract);
}

export function writeReleased(contract: ReleasedContract, directory = RELEASED_DIRECTORY): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${contract.type}.json`), `${JSON.stringify(contract, undefined, 2)}\n`);
}
