import type { DataSchema, Schema } from '@warren/contracts';

/** One field of the data of a message, nested ones by their path: `lines[].unitPrice.amount`. */
export interface FieldRow {
  path: string;
  type: string;
  required: boolean;
  constraints: string[];
  unit: string;
  description: string;
}

/** All fields, in the order of the class, each nested one after the field that holds it. */
export function fieldRows(schema: DataSchema): FieldRow[] {
  return rowsOf(schema, '', schema.$defs ?? {}, []);
}

function rowsOf(
  { properties = {}, required = [] }: Schema,
  prefix: string,
  definitions: Record<string, Schema>,
  within: readonly string[],
): FieldRow[] {
  return Object.entries(properties).flatMap(([field, schema]) => {
    const path = `${prefix}${field}`;
    const [, text = '', unit = ''] = /^(.*?)(?: Unit: ([^.]+)\.)?$/s.exec(schema.description ?? '') ?? [];
    const row: FieldRow = {
      path,
      type: typeText(schema),
      required: required.includes(field),
      constraints: constraintsOf(schema),
      unit,
      description: text,
    };
    return [row, ...nestedRows(schema, path, definitions, within)];
  });
}

/** A class that is nested in itself is shown once. */
function nestedRows(
  schema: Schema,
  path: string,
  definitions: Record<string, Schema>,
  within: readonly string[],
): FieldRow[] {
  const isList = schema.items !== undefined;
  const names = definitionNames(schema.items ?? schema);
  return names.flatMap((name) => {
    const definition = definitions[name];
    if (!definition || within.includes(name)) return [];
    const holder = `${path}${isList ? '[]' : ''}${names.length > 1 ? `(${name})` : ''}`;
    return rowsOf(definition, `${holder}.`, definitions, [...within, name]);
  });
}

function definitionNames({ $ref, anyOf = [], oneOf = [], allOf = [] }: Schema): string[] {
  if ($ref !== undefined) return [$ref.replace('#/$defs/', '')];
  return [...anyOf, ...oneOf, ...allOf].flatMap((schema) => definitionNames(schema));
}

function typeText(schema: Schema): string {
  if (schema.items) return `list of ${typeText(schema.items)}`;
  const alternatives = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (alternatives.length > 0) return alternatives.map(typeText).join(' or ');
  const [name] = definitionNames(schema);
  if (name !== undefined) return name;
  const types = [schema.type ?? typeOfValues(schema)].flat().join(' or ');
  return schema.format === undefined ? types : `${types} (${schema.format})`;
}

function typeOfValues({ const: only, enum: values }: Schema): string {
  const known = only === undefined ? (values ?? []) : [only];
  return [...new Set(known.map((value) => (value === null ? 'null' : typeof value)))].join(' or ') || 'any';
}

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

function constraintsOf(schema: Schema): string[] {
  const { minLength, maxLength, minItems, maxItems, minimum, maximum, exclusiveMinimum, exclusiveMaximum } =
    schema;
  return [
    ...(schema.const === undefined ? [] : [code(schema.const)]),
    ...(schema.enum ? [`one of ${schema.enum.map(code).join(', ')}`] : []),
    ...span(minimum, maximum, ''),
    ...(exclusiveMinimum === undefined ? [] : [`more than ${exclusiveMinimum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`less than ${exclusiveMaximum}`]),
    ...span(minLength, maxLength, ' characters'),
    ...span(minItems, maxItems, ' items'),
    ...(schema.uniqueItems ? ['no item twice'] : []),
    // Formats have a pattern beside them that says the same and is long.
    ...(schema.pattern === undefined || schema.format !== undefined ? [] : [code(schema.pattern)]),
    ...(schema.items ? constraintsOf(schema.items).map((constraint) => `items: ${constraint}`) : []),
  ];
}

function span(least: number | undefined, most: number | undefined, what: string): string[] {
  if (least === undefined && most === undefined) return [];
  if (least === undefined) return [`at most ${most}${what}`];
  if (most === undefined) return [`at least ${least}${what}`];
  return [`${least} to ${most}${what}`];
}
