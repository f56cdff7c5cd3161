import type { ContractKind, Schema } from '@warren/contracts';
import { breakages } from './compare-contracts.ts';
import type { ReleasedContract } from './released.ts';
import { contract, EDITS, schema, set, type Draft } from './test/edits.ts';

const found = (kind: ContractKind, edit: (draft: Draft) => void): string[] =>
  breakages(contract(kind), contract(kind, edit)).map(({ rule, pointer }) => `${rule} ${pointer}`);

describe('a change within a major version', () => {
  it.each(EDITS)('in an event, where %s', (_what, edit, event) => {
    expect(found('event', edit)).toEqual(event);
  });

  it.each(EDITS)('in a command, where %s', (_what, edit, _event, command) => {
    expect(found('command', edit)).toEqual(command);
  });

  it('in a reply is judged as in an event, and in a request as in a command', () => {
    for (const [, edit, event, command] of EDITS) {
      expect(found('reply', edit)).toEqual(event);
      expect(found('request', edit)).toEqual(command);
    }
  });
});

describe('a contract as a whole', () => {
  const changed = (change: Partial<ReleasedContract>) =>
    breakages(contract('event'), { ...contract('event'), ...change }).map(({ rule }) => rule);

  it.each<[string, Partial<ReleasedContract>, string[]]>([
    ['goes to another exchange', { exchange: 'journeys.events' }, ['exchange']],
    ['has another routing key', { routingKey: 'trip.taken.v1' }, ['routing-key']],
    ['is of another kind', { kind: 'command' }, ['kind']],
    ['is answered otherwise', { reply: 'trip.found.v1' }, ['reply']],
    ['belongs to another service', { owner: 'journey-service' }, []],
  ])('that %s', (_what, change, rules) => {
    expect(changed(change)).toEqual(rules);
  });
});

describe('what is told of a change', () => {
  const details = (kind: ContractKind, edit: (draft: Draft) => void) =>
    breakages(contract(kind), contract(kind, edit)).map(({ detail }) => detail);

  it('is what was and what is, and who is hurt by it', () => {
    expect(details('event', set('properties', 'seats', { maximum: 10 }))).toEqual([
      'was <= 9, is <= 10: consumers of what is released would refuse what is published now',
    ]);
    expect(details('command', set('properties', 'seats', { maximum: 8 }))).toEqual([
      'was <= 9, is <= 8: whoever still sends it as released would be refused',
    ]);
    expect(details('event', set('properties', 'status', { enum: ['open', 'lost'] }))).toEqual([
      'was "closed" allowed, is not allowed: ' +
        'messages from before (in queues, outboxes, as dead letters) would be refused now; ' +
        'was not allowed, is "lost" allowed: ' +
        'consumers of what is released would refuse what is published now',
    ]);
  });
});

describe('types that are nested in themselves', () => {
  const tree = (node: Schema): ReleasedContract => ({
    ...contract('event'),
    schema: {
      ...schema,
      properties: { root: { $ref: '#/$defs/Node' } },
      required: ['root'],
      $defs: { Node: { type: 'object', required: ['name'], ...node } },
    },
  });
  const children: Schema = { type: 'array', items: { $ref: '#/$defs/Node' } };

  it('are compared once, and to their end', () => {
    const before = tree({ properties: { name: { type: 'string' }, children } });
    expect(breakages(before, before)).toEqual([]);
    const after = tree({ properties: { name: { type: 'integer' }, children } });
    expect(breakages(before, after).map(({ rule, pointer }) => `${rule} ${pointer}`)).toEqual([
      'type /root/name',
    ]);
  });
});
