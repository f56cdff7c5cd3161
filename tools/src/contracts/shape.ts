import type { DataSchema, Scalar, Schema } from '@warren/contracts';

/** What a schema says of values that are not null, in one of its alternatives. */
export interface Shape {
  /** `integer` is not listed beside `number`. */
  types: ReadonlySet<string>;
  /** The values that are allowed, where they are listed. */
  values?: readonly Scalar[];
  patterns: readonly string[];
  format?: string;
  minimum: number;
  maximum: number;
  exclusiveMinimum: number;
  exclusiveMaximum: number;
  minLength: number;
  maxLength: number;
  minItems: number;
  maxItems: number;
  uniqueItems: boolean;
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required: ReadonlySet<string>;
  additionalProperties: unknown;
  /** Keywords that nobody here knows. */
  unknown: Readonly<Record<string, unknown>>;
}

export interface Alternatives {
  nullable: boolean;
  /** None for a schema that allows nothing but null. */
  shapes: readonly Shape[];
}

type Document = Pick<DataSchema, '$defs'>;

const WORDS = [
  'title',
  'description',
  'examples',
  'default',
  'deprecated',
  '$comment',
  '$schema',
  '$id',
  '$defs',
];
const COMBINING = ['$ref', 'allOf', 'anyOf', 'oneOf'];
const ALL_TYPES = ['string', 'number', 'boolean', 'array', 'object', 'null'];
const KNOWN = new Set([
  ...WORDS,
  ...COMBINING,
  'type',
  'enum',
  'const',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'uniqueItems',
  'items',
  'properties',
  'required',
  'additionalProperties',
]);

/** Follows references and spreads alternatives, so that two ways to write the same look the same. */
export function alternativesOf(schema: Schema, document: Document): Alternatives {
  const spread = spreadOut(schema, document).map((conditions) => shapeOf(conditions));
  return {
    nullable: spread.some(({ types }) => types.has('null')),
    shapes: spread.flatMap((shape) => {
      const types = new Set([...shape.types].filter((type) => type !== 'null'));
      const values = shape.values?.filter((value) => value !== null);
      return types.size === 0 ? [] : [{ ...shape, types, ...(values && { values }) }];
    }),
  };
}

/** Each alternative as the list of conditions that a value of it has to meet together. */
function spreadOut(schema: Schema, document: Document): Schema[][] {
  const own = Object.fromEntries(Object.entries(schema).filter(([key]) => !COMBINING.includes(key)));
  let all: Schema[][] = [[own]];
  const cross = (others: Schema[][]) => {
    all = all.flatMap((conditions) => others.map((more) => [...conditions, ...more]));
  };
  if (schema.$ref !== undefined) cross(spreadOut(resolve(schema.$ref, document), document));
  for (const part of schema.allOf ?? []) cross(spreadOut(part, document));
  for (const choice of [schema.anyOf, schema.oneOf]) {
    if (choice) cross(choice.flatMap((each) => spreadOut(each, document)));
  }
  return all;
}

function resolve(reference: string, { $defs }: Document): Schema {
  const found = $defs?.[reference.replace(/^#\/\$defs\//, '')];
  if (!found) throw new Error(`${reference} is not in the schema`);
  return found;
}

function shapeOf(conditions: readonly Schema[]): Shape {
  const each = <K extends keyof Schema>(key: K) =>
    conditions.flatMap((schema) => (schema[key] === undefined ? [] : [schema[key]]));
  const most = (key: 'minimum' | 'exclusiveMinimum' | 'minLength' | 'minItems', unless: number) =>
    Math.max(unless, ...each(key));
  const least = (key: 'maximum' | 'exclusiveMaximum' | 'maxLength' | 'maxItems') =>
    Math.min(Infinity, ...each(key));
  const values = valuesOf(conditions);
  const types = typesOf(conditions, values);
  const [items, ...moreItems] = each('items');
  const format = each('format')[0];
  const properties = each('properties');
  const additional = each('additionalProperties')[0];
  return {
    types,
    ...(values && { values }),
    patterns: [...new Set(each('pattern'))].sort(),
    ...(format !== undefined && { format }),
    minimum: most('minimum', -Infinity),
    maximum: least('maximum'),
    exclusiveMinimum: most('exclusiveMinimum', -Infinity),
    exclusiveMaximum: least('exclusiveMaximum'),
    minLength: most('minLength', 0),
    maxLength: least('maxLength'),
    minItems: most('minItems', 0),
    maxItems: least('maxItems'),
    uniqueItems: each('uniqueItems').includes(true),
    ...(items && { items: moreItems.length === 0 ? items : { allOf: [items, ...moreItems] } }),
    ...(properties.length > 0 && { properties: Object.assign({}, ...properties) as Record<string, Schema> }),
    required: new Set(each('required').flat()),
    additionalProperties: additional ?? true,
    unknown: Object.fromEntries(
      conditions.flatMap((schema) => Object.entries(schema).filter(([key]) => !KNOWN.has(key))),
    ),
  };
}

function valuesOf(conditions: readonly Schema[]): Scalar[] | undefined {
  const lists = conditions.flatMap(({ enum: values, const: only }) => [
    ...(values ? [values] : []),
    ...(only !== undefined ? [[only]] : []),
  ]);
  if (lists.length === 0) return undefined;
  return lists[0]!.filter((value) => lists.every((list) => list.includes(value)));
}

function typesOf(conditions: readonly Schema[], values: readonly Scalar[] | undefined): Set<string> {
  const listed = conditions.flatMap(({ type }) => (type === undefined ? [] : [[type].flat() as string[]]));
  let types = values ? [...new Set(values.map(typeOfValue))] : [...ALL_TYPES];
  for (const list of listed) {
    types = types.flatMap((type) => {
      if (list.includes(type) || (type === 'integer' && list.includes('number'))) return [type];
      return type === 'number' && list.includes('integer') ? ['integer'] : [];
    });
  }
  return new Set(types);
}

export function typeOfValue(value: Scalar): string {
  if (value === null) return 'null';
  if (typeof value !== 'number') return typeof value;
  return Number.isInteger(value) ? 'integer' : 'number';
}
