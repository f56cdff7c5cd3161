import type { ContractKind, DataSchema, Schema } from '@warren/contracts';
import { escaped, isSameKind, refusals, type Refusal, type SchemaRule } from './accepts.ts';
import type { ReleasedContract } from './released.ts';
import { alternativesOf, type Shape } from './shape.ts';

/** Which rule a change breaks. docs/contracts.md explains each. */
export type Rule =
  | SchemaRule
  | 'field-removed'
  | 'additional-properties'
  | 'unknown-keyword'
  | 'kind'
  | 'exchange'
  | 'routing-key'
  | 'reply'
  | 'contract-removed'
  | 'retired';

/** A change that breaks others. */
export interface Breakage {
  contract: string;
  /** JSON pointer of the field within `data`, `*` for every item of a list; empty for the contract as a whole. */
  pointer: string;
  rule: Rule;
  /** What it was and is, and who is hurt by that. */
  detail: string;
}

type Change = Omit<Breakage, 'contract'>;

/**
 * Whether old readers have to understand what is written now. Events and replies are written by one and read by
 * anybody. Commands and requests are read by their owner alone, who is deployed first.
 */
const HAS_OLD_READERS: Readonly<Record<ContractKind, boolean>> = {
  event: true,
  reply: true,
  command: false,
  request: false,
};

const OLD_WRITERS: Readonly<Record<ContractKind, string>> = {
  event: 'messages from before (in queues, outboxes, as dead letters) would be refused now',
  reply: 'replies of a service that is not deployed yet would be refused now',
  command: 'whoever still sends it as released would be refused',
  request: 'whoever still asks as released would be refused',
};
const OLD_READERS = 'consumers of what is released would refuse what is published now';

/** What of a contract's change, within its major version, breaks a consumer or a producer. */
export function breakages(released: ReleasedContract, current: ReleasedContract): Breakage[] {
  const changes = [
    ...ofWhole(released, current),
    ...(released.kind === current.kind ? ofData(released, current) : []),
  ];
  return withoutRepetition(changes).map((change) => ({ contract: released.type, ...change }));
}

function ofWhole(released: ReleasedContract, current: ReleasedContract): Change[] {
  const changes: Change[] = [];
  const compare = (
    rule: Rule,
    was: string | null | undefined,
    is: string | null | undefined,
    hurt: string,
  ) => {
    if ((was ?? null) === (is ?? null)) return;
    changes.push({ pointer: '', rule, detail: `was ${was ?? 'none'}, is ${is ?? 'none'}: ${hurt}` });
  };
  compare('kind', released.kind, current.kind, 'it promises another kind of delivery');
  compare('exchange', released.exchange, current.exchange, 'queues are bound to the old exchange');
  compare('routing-key', released.routingKey, current.routingKey, 'queues are bound by the old key');
  compare('reply', released.reply, current.reply, 'whoever asks waits for the old reply');
  return changes;
}

function ofData({ kind, schema: old }: ReleasedContract, { schema: now }: ReleasedContract): Change[] {
  return [
    ...symmetric(old, now, '', { old, now, seen: new Set() }),
    ...refusals(now, old).map((refusal) => told(refusal, 'reader', OLD_WRITERS[kind])),
    ...(HAS_OLD_READERS[kind]
      ? refusals(old, now).map((refusal) => told(refusal, 'writer', OLD_READERS))
      : []),
  ];
}

/** @param now which of the two sides is the one of today */
function told({ pointer, rule, reader, writer }: Refusal, now: 'reader' | 'writer', hurt: string): Change {
  const [was, is] = now === 'reader' ? [writer, reader] : [reader, writer];
  return { pointer, rule, detail: `was ${was}, is ${is}: ${hurt}` };
}

interface Pair {
  old: DataSchema;
  now: DataSchema;
  seen: Set<string>;
}

/** What breaks whichever way the messages go. */
function symmetric(old: Schema, now: Schema, pointer: string, pair: Pair): Change[] {
  if (old.$ref !== undefined && now.$ref !== undefined) {
    const references = `${old.$ref} ${now.$ref}`;
    if (pair.seen.has(references)) return [];
    pair = { ...pair, seen: new Set([...pair.seen, references]) };
  }
  const before = alternativesOf(old, pair.old).shapes;
  const after = alternativesOf(now, pair.now).shapes;
  return before.flatMap((shape) => {
    const same =
      before.length === 1 && after.length === 1 ? after[0] : after.find((one) => isSameKind(one, shape));
    return same ? ofShapes(shape, same, pointer, pair) : [];
  });
}

function ofShapes(old: Shape, now: Shape, pointer: string, pair: Pair): Change[] {
  const changes: Change[] = [];
  for (const [field, schema] of Object.entries(old.properties ?? {})) {
    const inside = `${pointer}/${escaped(field)}`;
    const today = now.properties?.[field];
    if (today) changes.push(...symmetric(schema, today, inside, pair));
    else if (now.types.has('object')) {
      const detail = 'is gone: what was said by it is lost, and nothing else may have its name';
      changes.push({ pointer: inside, rule: 'field-removed', detail });
    }
  }
  if (old.items && now.items) changes.push(...symmetric(old.items, now.items, `${pointer}/*`, pair));
  const [was, is] = [JSON.stringify(old.additionalProperties), JSON.stringify(now.additionalProperties)];
  if (was !== is) {
    const detail = `was ${was}, is ${is}: consumers ignore fields that they do not know, and rely on that`;
    changes.push({ pointer, rule: 'additional-properties', detail });
  }
  for (const keyword of new Set([...Object.keys(old.unknown), ...Object.keys(now.unknown)])) {
    const [left, right] = [JSON.stringify(old.unknown[keyword]), JSON.stringify(now.unknown[keyword])];
    if (left === right) continue;
    const detail = `${keyword} was ${left ?? 'none'}, is ${right ?? 'none'}: nobody knows what that does to others`;
    changes.push({ pointer, rule: 'unknown-keyword', detail });
  }
  return changes;
}

/** One change can hurt on both sides, and a field that is gone is told once. */
function withoutRepetition(changes: readonly Change[]): Change[] {
  const gone = new Set(changes.filter(({ rule }) => rule === 'field-removed').map(({ pointer }) => pointer));
  const byPlace = new Map<string, Change>();
  for (const change of changes) {
    if (gone.has(change.pointer) && change.rule !== 'field-removed') continue;
    const place = `${change.rule} ${change.pointer}`;
    const before = byPlace.get(place);
    if (!before) byPlace.set(place, change);
    else if (!before.detail.includes(change.detail))
      byPlace.set(place, { ...before, detail: `${before.detail}; ${change.detail}` });
  }
  return [...byPlace.values()];
}
