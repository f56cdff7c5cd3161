import { allContracts, contractOf, dataSchemaOf, type Contract } from '@warren/contracts';
import type { ReleasedContract } from './released.ts';

/** The contracts of the built sources, as they would be released. */
export const loadContracts = (): ReleasedContract[] => allContracts.map((contract) => toReleased(contract));

function toReleased(contract: Contract): ReleasedContract {
  const { type, kind, exchange, owner, reply } = contract;
  return {
    type,
    kind,
    exchange: exchange === '' ? null : exchange,
    routingKey: exchange === '' ? null : type,
    owner,
    ...(reply && { reply: contractOf(reply).type }),
    schema: dataSchemaOf(contract),
  };
}
