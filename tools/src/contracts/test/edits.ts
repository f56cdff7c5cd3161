import type { ContractKind, DataSchema, Schema } from '@warren/contracts';
import type { ReleasedContract } from '../released.ts';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** A bit of everything that contracts are made of. */
export const schema: DataSchema = {
  $schema: DIALECT,
  title: 'trip.booked.v1',
  description: 'For tests.',
  type: 'object',
  properties: {
    tripId: { type: 'string', format: 'uuid', pattern: '^[0-9a-f-]{36}$', description: 'Id.' },
    name: { type: 'string', minLength: 1, maxLength: 10 },
    status: { type: 'string', enum: ['open', 'closed'] },
    seats: { type: 'integer', minimum: 1, maximum: 9 },
    price: { type: 'number', exclusiveMinimum: 0 },
    note: { type: ['string', 'null'] },
    tags: {
      type: 'array',
      items: { type: 'string', maxLength: 5 },
      minItems: 1,
      maxItems: 3,
      uniqueItems: true,
    },
    legs: { type: 'array', items: { $ref: '#/$defs/Leg' } },
    agent: { $ref: '#/$defs/Agent' },
    payment: { oneOf: [{ $ref: '#/$defs/Card' }, { $ref: '#/$defs/Cash' }] },
    extra: { type: 'object' },
    code: { type: 'string', allOf: [{ pattern: 'a' }], pattern: 'b' },
  },
  required: ['tripId', 'name', 'status', 'seats', 'price', 'note', 'tags', 'legs', 'payment'],
  examples: [{}],
  $defs: {
    Leg: {
      type: 'object',
      properties: {
        from: { type: 'string' },
        via: { type: 'string' },
        km: { type: 'integer', maximum: 100 },
      },
      required: ['from', 'km'],
    },
    Agent: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    Card: {
      type: 'object',
      properties: { kind: { const: 'card' }, last4: { type: 'string' } },
      required: ['kind'],
    },
    Cash: { type: 'object', properties: { kind: { const: 'cash' } }, required: ['kind'] },
  },
};

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- edits reach into JSON of any form
type Json = any;

export type Draft = Omit<DataSchema, 'required' | '$defs' | 'properties'> & {
  properties: Record<string, Json>;
  required: string[];
  $defs: Record<string, Json>;
};

export function contract(
  kind: ContractKind,
  edit: (draft: Draft) => void = () => undefined,
): ReleasedContract {
  const draft = structuredClone(schema) as unknown as Draft;
  edit(draft);
  return {
    type: 'trip.booked.v1',
    kind,
    exchange: 'trips.events',
    routingKey: 'trip.booked.v1',
    owner: 'trip-service',
    schema: draft as unknown as DataSchema,
  };
}

export const set = (path: 'properties' | '$defs', name: string, change: Schema) => (draft: Draft) => {
  draft[path][name] = { ...draft[path][name], ...change };
};
const put = (name: string, value: Schema) => (draft: Draft) => {
  draft.properties[name] = value;
};
const drop = (name: string, key: string) => (draft: Draft) => {
  delete draft.properties[name][key];
};
const leg = (change: (leg: Json) => void) => (draft: Draft) => change(draft.$defs['Leg']);
const without = (list: string[], value: string) => list.filter((each) => each !== value);

type Edit = [what: string, edit: (draft: Draft) => void, event: string[], command: string[]];

/** Nobody is hurt. */
const NONE: string[] = [];

/** Changes by what they do, with the rules that they break in an event and in a command. */
export const EDITS: Edit[] = [
  // Fields
  ['an optional field is new', put('hint', { type: 'string' }), NONE, NONE],
  [
    'a required field is new',
    (d) => {
      put('hint', { type: 'string' })(d);
      d.required.push('hint');
    },
    ['required /hint'],
    ['required /hint'],
  ],
  [
    'a required field is gone',
    (d) => {
      delete d.properties['name'];
      d.required = without(d.required, 'name');
    },
    ['field-removed /name'],
    ['field-removed /name'],
  ],
  [
    'an optional field is gone',
    (d) => {
      delete d.properties['agent'];
    },
    ['field-removed /agent'],
    ['field-removed /agent'],
  ],
  [
    'a field has another name',
    (d) => {
      d.properties['title'] = d.properties['name'];
      delete d.properties['name'];
      d.required = [...without(d.required, 'name'), 'title'];
    },
    ['field-removed /name', 'required /title'],
    ['field-removed /name', 'required /title'],
  ],
  [
    'an optional field is required',
    (d) => d.required.push('agent'),
    ['required /agent'],
    ['required /agent'],
  ],
  [
    'a required field is optional',
    (d) => {
      d.required = without(d.required, 'name');
    },
    ['required /name'],
    NONE,
  ],
  // Types
  ['a text is a number', put('name', { type: 'number' }), ['type /name'], ['type /name']],
  ['an integer is any number', set('properties', 'seats', { type: 'number' }), ['type /seats'], NONE],
  [
    'a number is an integer',
    set('properties', 'price', { type: 'integer' }),
    ['type /price'],
    ['type /price'],
  ],
  [
    'a text may also be a number',
    set('properties', 'name', { type: ['string', 'number'] as never }),
    ['type /name'],
    NONE,
  ],
  [
    'a single value is a list',
    put('name', { type: 'array', items: { type: 'string' } }),
    ['type /name'],
    ['type /name'],
  ],
  ['nothing is said of a type any more', drop('extra', 'type'), ['null /extra', 'type /extra'], NONE],
  // Null
  ['a value may be null', set('properties', 'name', { type: ['string', 'null'] }), ['null /name'], NONE],
  [
    'a value may not be null any more',
    set('properties', 'note', { type: 'string' }),
    ['null /note'],
    ['null /note'],
  ],
  [
    'a nested object may be null',
    put('agent', { anyOf: [{ $ref: '#/$defs/Agent' }, { type: 'null' }] }),
    ['null /agent'],
    NONE,
  ],
  // Enums
  [
    'a value is added to a list of values',
    set('properties', 'status', { enum: ['open', 'closed', 'lost'] }),
    ['enum /status'],
    NONE,
  ],
  [
    'a value is taken from a list of values',
    set('properties', 'status', { enum: ['open'] }),
    ['enum /status'],
    ['enum /status'],
  ],
  [
    'the values are listed in another order',
    set('properties', 'status', { enum: ['closed', 'open'] }),
    NONE,
    NONE,
  ],
  ['any text is allowed instead of a few', drop('status', 'enum'), ['enum /status'], NONE],
  [
    'a few texts are allowed instead of any',
    set('properties', 'name', { enum: ['a', 'b'] }),
    ['enum /name'],
    ['enum /name'],
  ],
  [
    'a list of one value is a constant',
    (d) => {
      d.$defs['Cash'].properties.kind = { enum: ['cash'] };
    },
    NONE,
    NONE,
  ],
  // Bounds
  ['a minimum is higher', set('properties', 'seats', { minimum: 2 }), ['minimum /seats'], ['minimum /seats']],
  ['a minimum is lower', set('properties', 'seats', { minimum: 0 }), ['minimum /seats'], NONE],
  ['a minimum is gone', drop('seats', 'minimum'), ['minimum /seats'], NONE],
  ['a maximum is higher', set('properties', 'seats', { maximum: 10 }), ['maximum /seats'], NONE],
  ['a maximum is lower', set('properties', 'seats', { maximum: 8 }), ['maximum /seats'], ['maximum /seats']],
  ['a maximum is new', set('properties', 'price', { maximum: 1000 }), ['maximum /price'], ['maximum /price']],
  [
    'a bound includes itself',
    (d) => {
      d.properties['price'] = { type: 'number', minimum: 0 };
    },
    ['minimum /price'],
    NONE,
  ],
  [
    'an integer bound is written the other way',
    (d) => {
      d.properties['seats'] = { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 10 };
    },
    NONE,
    NONE,
  ],
  ['a text may be longer', set('properties', 'name', { maxLength: 11 }), ['length /name'], NONE],
  [
    'a text may be less long',
    set('properties', 'name', { maxLength: 9 }),
    ['length /name'],
    ['length /name'],
  ],
  ['a text may be empty', set('properties', 'name', { minLength: 0 }), ['length /name'], NONE],
  ['a text must be longer', set('properties', 'name', { minLength: 2 }), ['length /name'], ['length /name']],
  // Formats and patterns
  ['a format is new', set('properties', 'name', { format: 'uri' }), ['format /name'], ['format /name']],
  ['a format is gone', drop('tripId', 'format'), ['format /tripId'], NONE],
  [
    'a format is another',
    set('properties', 'tripId', { format: 'uri' }),
    ['format /tripId'],
    ['format /tripId'],
  ],
  ['a pattern is new', set('properties', 'name', { pattern: '^a' }), ['pattern /name'], ['pattern /name']],
  ['a pattern is gone', drop('tripId', 'pattern'), ['pattern /tripId'], NONE],
  [
    'a pattern is another',
    set('properties', 'tripId', { pattern: '^.{36}$' }),
    ['pattern /tripId'],
    ['pattern /tripId'],
  ],
  ['one of two patterns is gone', drop('code', 'allOf'), ['pattern /code'], NONE],
  [
    'two patterns are written the other way round',
    put('code', { type: 'string', allOf: [{ pattern: 'b' }], pattern: 'a' }),
    NONE,
    NONE,
  ],
  // Lists
  [
    'items are of another type',
    set('properties', 'tags', { items: { type: 'integer' } }),
    ['type /tags/*'],
    ['type /tags/*'],
  ],
  [
    'items may be longer',
    set('properties', 'tags', { items: { type: 'string', maxLength: 6 } }),
    ['length /tags/*'],
    NONE,
  ],
  [
    'items may be less long',
    set('properties', 'tags', { items: { type: 'string', maxLength: 4 } }),
    ['length /tags/*'],
    ['length /tags/*'],
  ],
  ['a list may be empty', drop('tags', 'minItems'), ['items /tags'], NONE],
  ['a list may be longer', set('properties', 'tags', { maxItems: 4 }), ['items /tags'], NONE],
  ['a list may be less long', set('properties', 'tags', { maxItems: 2 }), ['items /tags'], ['items /tags']],
  ['items may repeat', drop('tags', 'uniqueItems'), ['unique-items /tags'], NONE],
  [
    'items of a list may not repeat any more',
    set('properties', 'legs', { uniqueItems: true }),
    ['unique-items /legs'],
    ['unique-items /legs'],
  ],
  ['items may be anything', drop('tags', 'items'), ['null /tags/*', 'type /tags/*'], NONE],
  // Nested objects
  [
    'an optional nested field is new',
    leg((l) => {
      l.properties.by = { type: 'string' };
    }),
    NONE,
    NONE,
  ],
  [
    'a required nested field is new',
    leg((l) => {
      l.properties.by = { type: 'string' };
      l.required.push('by');
    }),
    ['required /legs/*/by'],
    ['required /legs/*/by'],
  ],
  [
    'an optional nested field is gone',
    leg((l) => {
      delete l.properties.via;
    }),
    ['field-removed /legs/*/via'],
    ['field-removed /legs/*/via'],
  ],
  [
    'a nested field is optional',
    leg((l) => {
      l.required = ['from'];
    }),
    ['required /legs/*/km'],
    NONE,
  ],
  [
    'a nested bound is lower',
    leg((l) => {
      l.properties.km.maximum = 50;
    }),
    ['maximum /legs/*/km'],
    ['maximum /legs/*/km'],
  ],
  [
    'a nested class has another name',
    (d) => {
      d.$defs['Stage'] = d.$defs['Leg'];
      delete d.$defs['Leg'];
      d.properties['legs'].items = { $ref: '#/$defs/Stage' };
    },
    NONE,
    NONE,
  ],
  [
    'a nested class is written in place',
    (d) => {
      d.properties['agent'] = d.$defs['Agent'];
      delete d.$defs['Agent'];
    },
    NONE,
    NONE,
  ],
  [
    'a free object has fields',
    set('properties', 'extra', { properties: { a: { type: 'string' } } }),
    ['null /extra/a', 'type /extra/a'],
    ['null /extra/a', 'type /extra/a'],
  ],
  [
    'a field of a nested object is of another type',
    (d) => {
      d.$defs['Agent'].properties.id = { type: 'integer' };
    },
    ['type /agent/id'],
    ['type /agent/id'],
  ],
  // Unions
  [
    'a union has one class more',
    (d) => {
      d.$defs['Coin'] = { type: 'object', properties: { kind: { const: 'coin' } }, required: ['kind'] };
      d.properties['payment'].oneOf.push({ $ref: '#/$defs/Coin' });
    },
    ['union /payment'],
    NONE,
  ],
  [
    'a union has one class less',
    (d) => {
      d.properties['payment'] = { oneOf: [{ $ref: '#/$defs/Card' }] };
    },
    ['union /payment'],
    ['union /payment'],
  ],
  [
    'a field in a class of a union is gone',
    (d) => {
      delete d.$defs['Card'].properties.last4;
    },
    ['field-removed /payment/last4'],
    ['field-removed /payment/last4'],
  ],
  [
    'a class of a union asks for more',
    (d) => d.$defs['Card'].required.push('last4'),
    ['required /payment/last4'],
    ['required /payment/last4'],
  ],
  [
    'the classes of a union stand in another order',
    (d) => {
      d.properties['payment'].oneOf.reverse();
    },
    NONE,
    NONE,
  ],
  // Fields that are not named, words, and what nobody knows
  [
    'fields that are not named are forbidden',
    (d) => {
      d.additionalProperties = false;
    },
    ['additional-properties '],
    ['additional-properties '],
  ],
  [
    'nested fields that are not named are forbidden',
    leg((l) => {
      l.additionalProperties = false;
    }),
    ['additional-properties /legs/*'],
    ['additional-properties /legs/*'],
  ],
  [
    'a keyword that nobody knows is new',
    set('properties', 'seats', { multipleOf: 3 } as Schema),
    ['unknown-keyword /seats'],
    ['unknown-keyword /seats'],
  ],
  [
    'descriptions and examples are others',
    (d) => {
      d.description = 'Better words.';
      d.properties['tripId'].description = 'Other.';
      d.examples = [{ a: 1 }];
    },
    NONE,
    NONE,
  ],
  [
    'fields stand in another order',
    (d) => {
      d.properties = Object.fromEntries(Object.entries(d.properties).reverse());
      d.required.reverse();
    },
    NONE,
    NONE,
  ],
];
