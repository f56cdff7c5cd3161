import type { DataSchema, Scalar, Schema } from '@warren/contracts';
import { alternativesOf, typeOfValue, type Shape } from './shape.ts';

/** Which part of a schema it is about. */
export type SchemaRule =
  | 'type'
  | 'null'
  | 'enum'
  | 'pattern'
  | 'format'
  | 'minimum'
  | 'maximum'
  | 'length'
  | 'items'
  | 'unique-items'
  | 'required'
  | 'union';

/** Something that a writer may write and a reader refuses. */
export interface Refusal {
  /** JSON pointer (RFC 6901) of the field within `data`; `*` stands for every item of a list. */
  pointer: string;
  rule: SchemaRule;
  /** What the schema of the reader says. */
  reader: string;
  /** What the schema of the writer says. */
  writer: string;
}

interface Pair {
  reader: DataSchema;
  writer: DataSchema;
  /** References that are compared already: types may be nested in themselves. */
  seen: Set<string>;
}

/**
 * What can be refused when data that `writer` allows is held against `reader`. Writers send no fields that their schema
 * does not name, and readers ignore those that theirs does not.
 */
export function refusals(reader: DataSchema, writer: DataSchema): Refusal[] {
  return ofSchemas(reader, writer, '', { reader, writer, seen: new Set() });
}

function ofSchemas(reader: Schema, writer: Schema, pointer: string, pair: Pair): Refusal[] {
  const references = `${reader.$ref ?? ''} ${writer.$ref ?? ''}`;
  if (reader.$ref !== undefined && writer.$ref !== undefined) {
    if (pair.seen.has(references)) return [];
    pair = { ...pair, seen: new Set([...pair.seen, references]) };
  }
  const read = alternativesOf(reader, pair.reader);
  const written = alternativesOf(writer, pair.writer);
  const found: Refusal[] = [];
  if (written.nullable && !read.nullable) {
    found.push({ pointer, rule: 'null', reader: 'not null', writer: 'may be null' });
  }
  const isUnion = read.shapes.length > 1 || written.shapes.length > 1;
  for (const shape of written.shapes)
    found.push(...ofAlternative(read.shapes, shape, isUnion, pointer, pair));
  return found;
}

/** What a written alternative meets in the one that was meant for it. */
function ofAlternative(
  readers: readonly Shape[],
  written: Shape,
  isUnion: boolean,
  pointer: string,
  pair: Pair,
): Refusal[] {
  const candidates = readers.map((shape) => ({ shape, found: ofShapes(shape, written, pointer, pair) }));
  if (candidates.length === 0) {
    return [{ pointer, rule: 'type', reader: 'null', writer: [...written.types].join(' or ') }];
  }
  if (candidates.some(({ found }) => found.length === 0)) return [];
  if (!isUnion) return candidates[0]!.found;
  const meant = candidates.find(({ shape }) => isSameKind(shape, written));
  if (meant) return meant.found;
  return [{ pointer, rule: 'union', reader: 'without it', writer: `an alternative ${nameOf(written)}` }];
}

/** A field has the same single value in both: the one by which alternatives are told apart. */
export function isSameKind(one: Shape, other: Shape): boolean {
  return Object.entries(one.properties ?? {}).some(([field, { const: value }]) => {
    return value !== undefined && other.properties?.[field]?.const === value;
  });
}

function nameOf({ properties = {}, types }: Shape): string {
  const kinds = Object.entries(properties).flatMap(([field, { const: value }]) =>
    value === undefined ? [] : [`${field}: ${JSON.stringify(value)}`],
  );
  return kinds.length > 0 ? kinds.join(', ') : [...types].join(' or ');
}

function ofShapes(reader: Shape, writer: Shape, pointer: string, pair: Pair): Refusal[] {
  const refused = [...writer.types].filter(
    (type) => !reader.types.has(type) && !(type === 'integer' && reader.types.has('number')),
  );
  if (refused.length > 0) {
    return [{ pointer, rule: 'type', reader: listed(reader.types), writer: listed(writer.types) }];
  }
  return [
    ...(writer.values ? ofValues(reader, writer.values, pointer) : ofScalars(reader, writer, pointer)),
    ...(writer.types.has('array') ? ofLists(reader, writer, pointer, pair) : []),
    ...(writer.types.has('object') ? ofObjects(reader, writer, pointer, pair) : []),
  ];
}

const listed = (types: ReadonlySet<string>): string => [...types].join(' or ');

function ofValues(reader: Shape, values: readonly Scalar[], pointer: string): Refusal[] {
  const refused = values.filter((value) => !allows(reader, value));
  if (refused.length === 0) return [];
  const writer = `${refused.map((value) => JSON.stringify(value)).join(', ')} allowed`;
  return [{ pointer, rule: 'enum', reader: 'not allowed', writer }];
}

function allows(shape: Shape, value: Scalar): boolean {
  const type = typeOfValue(value);
  if (!shape.types.has(type) && !(type === 'integer' && shape.types.has('number'))) return false;
  if (shape.values) return shape.values.includes(value);
  if (typeof value === 'number') {
    const { low, high } = rangeOf(shape);
    return isAbove(value, low) && isBelow(value, high);
  }
  if (typeof value !== 'string') return true;
  const length = [...value].length;
  const fitsPatterns = shape.patterns.every((pattern) => new RegExp(pattern, 'u').test(value));
  return fitsPatterns && shape.format === undefined && length >= shape.minLength && length <= shape.maxLength;
}

function ofScalars(reader: Shape, writer: Shape, pointer: string): Refusal[] {
  const found: Refusal[] = [];
  const add = (rule: SchemaRule, read: string, written: string) =>
    found.push({ pointer, rule, reader: read, writer: written });
  if (reader.values) {
    add('enum', `one of ${reader.values.map((value) => JSON.stringify(value)).join(', ')}`, 'any value');
    return found;
  }
  if (writer.types.has('string')) {
    const newPatterns = reader.patterns.filter((pattern) => !writer.patterns.includes(pattern));
    if (newPatterns.length > 0)
      add('pattern', newPatterns.join(' and '), writer.patterns.join(' and ') || 'none');
    if (reader.format !== undefined && reader.format !== writer.format) {
      add('format', reader.format, writer.format ?? 'none');
    }
    if (reader.minLength > writer.minLength || reader.maxLength < writer.maxLength) {
      add('length', span(reader.minLength, reader.maxLength), span(writer.minLength, writer.maxLength));
    }
  }
  if (writer.types.has('number') || writer.types.has('integer')) {
    const [read, written] = [rangeOf(reader, writer), rangeOf(writer, writer)];
    if (!isHigherOrSame(written.low, read.low))
      add('minimum', boundText(read.low, '>'), boundText(written.low, '>'));
    if (!isLowerOrSame(written.high, read.high))
      add('maximum', boundText(read.high, '<'), boundText(written.high, '<'));
  }
  return found;
}

interface Bound {
  value: number;
  exclusive: boolean;
}

/** Of integers, exclusive bounds are written as inclusive ones. */
function rangeOf(shape: Shape, written: Shape = shape): { low: Bound; high: Bound } {
  const isExclusiveLow = shape.exclusiveMinimum >= shape.minimum && shape.exclusiveMinimum !== -Infinity;
  const isExclusiveHigh = shape.exclusiveMaximum <= shape.maximum && shape.exclusiveMaximum !== Infinity;
  let low = { value: isExclusiveLow ? shape.exclusiveMinimum : shape.minimum, exclusive: isExclusiveLow };
  let high = { value: isExclusiveHigh ? shape.exclusiveMaximum : shape.maximum, exclusive: isExclusiveHigh };
  if (!written.types.has('number')) {
    low = { value: low.exclusive ? Math.floor(low.value) + 1 : Math.ceil(low.value), exclusive: false };
    high = { value: high.exclusive ? Math.ceil(high.value) - 1 : Math.floor(high.value), exclusive: false };
  }
  return { low, high };
}

const isAbove = (value: number, { value: low, exclusive }: Bound): boolean =>
  exclusive ? value > low : value >= low;
const isBelow = (value: number, { value: high, exclusive }: Bound): boolean =>
  exclusive ? value < high : value <= high;
const isHigherOrSame = (one: Bound, other: Bound): boolean =>
  one.value > other.value || (one.value === other.value && (one.exclusive || !other.exclusive));
const isLowerOrSame = (one: Bound, other: Bound): boolean =>
  one.value < other.value || (one.value === other.value && (one.exclusive || !other.exclusive));

function boundText({ value, exclusive }: Bound, sign: '<' | '>'): string {
  return Number.isFinite(value) ? `${sign}${exclusive ? '' : '='} ${value}` : 'none';
}

const span = (least: number, most: number): string =>
  most === Infinity ? `${least} or more` : `${least} to ${most}`;

function ofLists(reader: Shape, writer: Shape, pointer: string, pair: Pair): Refusal[] {
  const found: Refusal[] = [];
  if (reader.minItems > writer.minItems || reader.maxItems < writer.maxItems) {
    found.push({
      pointer,
      rule: 'items',
      reader: `${span(reader.minItems, reader.maxItems)} items`,
      writer: `${span(writer.minItems, writer.maxItems)} items`,
    });
  }
  if (reader.uniqueItems && !writer.uniqueItems) {
    found.push({ pointer, rule: 'unique-items', reader: 'no item twice', writer: 'items may repeat' });
  }
  if (reader.items) found.push(...ofSchemas(reader.items, writer.items ?? {}, `${pointer}/*`, pair));
  return found;
}

function ofObjects(reader: Shape, writer: Shape, pointer: string, pair: Pair): Refusal[] {
  const found: Refusal[] = [];
  for (const field of reader.required) {
    if (writer.required.has(field)) continue;
    const isKnown = writer.properties?.[field] !== undefined;
    found.push({
      pointer: `${pointer}/${escaped(field)}`,
      rule: 'required',
      reader: 'required',
      writer: isKnown ? 'may be absent' : 'not there',
    });
  }
  for (const [field, schema] of Object.entries(reader.properties ?? {})) {
    // An object whose fields nobody names may hold anything; another holds what it names.
    const written = writer.properties ? writer.properties[field] : {};
    if (written) found.push(...ofSchemas(schema, written, `${pointer}/${escaped(field)}`, pair));
  }
  return found;
}

/** A field's name as a part of a JSON pointer. */
export const escaped = (field: string): string => field.replaceAll('~', '~0').replaceAll('/', '~1');
