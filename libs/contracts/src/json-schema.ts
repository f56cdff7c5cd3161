import type { Contract, DataClass } from './define-event.ts';
import { describeClass, nestedClasses } from './schema/describe-class.ts';
import type { Schema } from './schema/keywords.ts';

/** A JSON Schema (draft 2020-12) of the `data` of one message type. */
export interface DataSchema extends Schema {
  $schema: 'https://json-schema.org/draft/2020-12/schema';
  /** Where the schema is served; equals the envelope's `dataschema`. Absent when no base URL was given. */
  $id?: string;
  title: string;
  description: string;
  type: 'object';
  properties: Record<string, Schema>;
  required?: readonly string[];
  examples: readonly object[];
  /** Schemas of nested classes by class name. */
  $defs?: Record<string, Schema>;
}

/**
 * The JSON Schema of a contract's `data`, made from the decorators of its class, so that the two can't disagree.
 *
 * It does not forbid fields that it doesn't know: a consumer has to ignore what a newer publisher adds.
 *
 * @param baseUrl where schemas are served, for example `https://api.example.com/schemas`; gives the schema its `$id`.
 */
export function dataSchemaOf(contract: Contract, baseUrl?: string): DataSchema {
  const { type, ...fields } = describeClass(contract.dataClass).schema;
  const definitions = definitionsOf(contract.dataClass);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...(baseUrl !== undefined && { $id: `${baseUrl}/${contract.type}.json` }),
    title: contract.type,
    description: contract.description,
    type,
    ...fields,
    examples: [contract.example],
    ...(definitions && { $defs: definitions }),
  };
}

/**
 * The schema that publishers are held to: the same, and no field that it does not name, at any depth. Without words and
 * examples.
 */
export function publisherSchemaOf(dataClass: DataClass): Schema & { $defs?: Record<string, Schema> } {
  const definitions = definitionsOf(dataClass);
  return {
    ...closed(describeClass(dataClass).schema),
    ...(definitions && {
      $defs: Object.fromEntries(Object.entries(definitions).map(([name, nested]) => [name, closed(nested)])),
    }),
  };
}

/** The schema that consumers hold data against: fields that it does not name are ignored. */
export function consumerSchemaOf(dataClass: DataClass): Schema & { $defs?: Record<string, Schema> } {
  const definitions = definitionsOf(dataClass);
  return { ...describeClass(dataClass).schema, ...(definitions && { $defs: definitions }) };
}

const closed = (schema: Schema): Schema => ({ ...schema, additionalProperties: false });

function definitionsOf(dataClass: DataClass): Record<string, Schema> | undefined {
  const nested = [...nestedClasses(dataClass)];
  if (nested.length === 0) return undefined;
  return Object.fromEntries(nested.map(([name, each]) => [name, describeClass(each).schema]));
}
