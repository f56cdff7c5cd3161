import type { DataSchema, Schema } from '@warren/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { breakages } from './compare-contracts.ts';
import { contract, EDITS } from './test/edits.ts';

const UUID = '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01';

/** For each field a value that is always allowed, and values beside it: at the borders, of other kinds, absent. */
const VALUES: Record<string, [usual: unknown, ...unusual: unknown[]]> = {
  tripId: [UUID, 'x', UUID.toUpperCase()],
  name: ['a', '', 'ab', 'c', 'x'.repeat(9), 'x'.repeat(10), 'x'.repeat(11), 1, null, ['a'], undefined],
  status: ['open', 'closed', 'lost', null],
  seats: [2, 0, 1, 3, 8, 9, 10, 2.5],
  price: [1, 0, 0.5, 1001],
  note: ['n', null, undefined],
  tags: [['a'], [], ['a', 'a'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd'], ['12345'], ['123456'], [1], 'a'],
  legs: [
    [{ from: 'a', km: 1 }],
    [],
    [{ from: 'a', km: 60 }],
    [{ from: 'a' }],
    [{ from: 'a', km: 1, via: 'b' }],
    [{ from: 'a', km: 1, by: 'b' }],
    [
      { from: 'a', km: 1 },
      { from: 'a', km: 1 },
    ],
  ],
  agent: [{ id: 'a' }, null, undefined, {}, { id: 1 }],
  payment: [{ kind: 'card' }, { kind: 'card', last4: '1' }, { kind: 'cash' }, { kind: 'coin' }],
  extra: [{}, { a: 'x' }, { a: 1 }, 'x', null, undefined],
  code: ['ab', 'a', 'b', undefined],
  hint: [undefined, 'h', 1],
  title: [undefined, 'a'],
};

const data = fc.record(
  Object.fromEntries(
    Object.entries(VALUES).map(([field, [usual, ...unusual]]) => [
      field,
      fc.oneof(
        { weight: 6, arbitrary: fc.constant(usual) },
        { weight: 1, arbitrary: fc.constantFrom(...unusual) },
      ),
    ]),
  ),
);

const ajv = new Ajv2020({ validateFormats: false, strict: false });

/** As publishers are held to it: an object has no fields but those that its class names. */
function closed(schema: Schema): Schema {
  return JSON.parse(
    JSON.stringify(schema, (_key, value: unknown) =>
      typeof value === 'object' && value !== null && 'properties' in value && 'type' in value
        ? { ...value, additionalProperties: false }
        : value,
    ),
  ) as Schema;
}

interface Direction {
  mayWrite: (data: object) => boolean;
  mayRead: (data: object) => boolean;
}

const between = (writer: DataSchema, reader: DataSchema): Direction => ({
  mayWrite: ajv.compile(closed(writer)) as (data: object) => boolean,
  mayRead: ajv.compile(reader) as (data: object) => boolean,
});

/** @returns how many messages were looked at */
function expectAllRead({ mayWrite, mayRead }: Direction): number {
  let written = 0;
  fc.assert(
    fc.property(data, (message) => {
      const json = JSON.parse(JSON.stringify(message)) as object;
      if (!mayWrite(json)) return;
      written += 1;
      expect({ json, read: mayRead(json) }).toEqual({ json, read: true });
    }),
    { numRuns: 500 },
  );
  return written;
}

describe('a change that is allowed', () => {
  const allowed = (kind: 'event' | 'command') =>
    EDITS.map(([what, edit]) => [what, contract(kind), contract(kind, edit)] as const).filter(
      ([, before, after]) => breakages(before, after).length === 0,
    );

  it.each(allowed('command'))('lets owners read old commands, where %s', (_what, before, after) => {
    expect(expectAllRead(between(before.schema, after.schema))).toBeGreaterThan(0);
  });

  it.each(allowed('event'))('lets everybody read old and new events, where %s', (_what, before, after) => {
    expect(expectAllRead(between(before.schema, after.schema))).toBeGreaterThan(0);
    expect(expectAllRead(between(after.schema, before.schema))).toBeGreaterThan(0);
  });
});
