/** What a JSON value can be. */
export type JsonType = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';

/** A value that JSON Schema can compare with. */
export type Scalar = string | number | boolean | null;

/** The keywords of JSON Schema (draft 2020-12) that contracts are made of. */
export interface Schema {
  type?: JsonType | 'null' | readonly (JsonType | 'null')[];
  description?: string;
  enum?: readonly Scalar[];
  const?: Scalar;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  additionalProperties?: boolean;
  allOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  $ref?: string;
}

const HIGHEST = ['minLength', 'minimum', 'exclusiveMinimum', 'minItems'] as const;
const LOWEST = ['maxLength', 'maximum', 'exclusiveMaximum', 'maxItems'] as const;

/**
 * The keywords of a field on which both lay their conditions.
 *
 * @throws TypeError when no value can fulfil both
 */
export function bothOf(one: Schema, other: Schema): Schema {
  const both: Schema = { ...one, ...other };
  for (const key of HIGHEST) assign(both, key, Math.max, one[key], other[key]);
  for (const key of LOWEST) assign(both, key, Math.min, one[key], other[key]);
  if (one.type && other.type) both.type = typeOfBoth(one.type as JsonType, other.type as JsonType);
  if (one.enum && other.enum) both.enum = one.enum.filter((value) => other.enum!.includes(value));
  if (both.enum && both.const !== undefined) {
    both.enum = both.enum.filter((value) => value === both.const);
  }
  if (both.enum?.length === 0 || differ(one.const, other.const) || differ(one.format, other.format)) {
    throw new TypeError('its constraints exclude each other');
  }
  if (both.enum && both.const !== undefined) delete both.enum;
  if (differ(one.pattern, other.pattern)) {
    both.allOf = [...(one.allOf ?? []), { pattern: other.pattern! }];
    both.pattern = one.pattern!;
  }
  return both;
}

const differ = (one: unknown, other: unknown): boolean =>
  one !== undefined && other !== undefined && one !== other;

function assign(
  schema: Schema,
  key: (typeof HIGHEST)[number] | (typeof LOWEST)[number],
  choose: (one: number, other: number) => number,
  one: number | undefined,
  other: number | undefined,
): void {
  if (one !== undefined && other !== undefined) schema[key] = choose(one, other);
}

function typeOfBoth(one: JsonType, other: JsonType): JsonType {
  if (one === other) return one;
  const types = new Set([one, other]);
  if (types.has('integer') && types.has('number')) return 'integer';
  throw new TypeError(`it can't be both ${one} and ${other}`);
}

/** The same, or null. */
export function orNull(schema: Schema): Schema {
  const { description, ...rest } = schema;
  const described = description === undefined ? {} : { description };
  if (rest.$ref !== undefined || rest.oneOf) return { anyOf: [rest, { type: 'null' }], ...described };
  const { const: only, ...others } = rest;
  const values = only === undefined ? rest.enum : [only];
  return {
    ...others,
    ...(others.type && { type: [others.type as JsonType, 'null'] }),
    ...(values && { enum: [...values, null] }),
    ...described,
  };
}
