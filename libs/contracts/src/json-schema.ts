// class-transformer keeps its metadata private; this file is where it lives, and it is the one that
// class-validator-jsonschema documents for finding out the classes of nested properties.
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { IS_ISO8601, MAX, MIN } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import type { Contract, DataClass } from './define-event.ts';

/** A JSON Schema (draft 2020-12) of the `data` of one message type. */
export interface DataSchema {
  $schema: 'https://json-schema.org/draft/2020-12/schema';
  /** Where the schema is served; equals the envelope's `dataschema`. Absent when no base URL was given. */
  $id?: string;
  title: string;
  description: string;
  type: 'object';
  properties: Record<string, object>;
  required?: string[];
  examples: object[];
  /** Schemas of nested classes by class name. */
  $defs?: Record<string, object>;
}

const DEFINITIONS = '#/$defs/';

const options = {
  classTransformerMetadataStorage: defaultMetadataStorage,
  refPointerPrefix: DEFINITIONS,
  additionalConverters: {
    // The library's own converter says oneOf(date, date-time), which no string fulfils for a validator that
    // does not look at formats. Our times are RFC 3339 timestamps.
    [IS_ISO8601]: { type: 'string', format: 'date-time' },
    // The library's own converters add type: number, and so undo the "integer" of a decorator below them.
    [MIN]: (meta: { constraints: [number] }) => ({ minimum: meta.constraints[0] }),
    [MAX]: (meta: { constraints: [number] }) => ({ maximum: meta.constraints[0] }),
  },
};

type ObjectSchema = Pick<DataSchema, 'type' | 'properties' | 'required'>;

function schemaOf(dataClass: DataClass): ObjectSchema {
  return targetConstructorToSchema(dataClass, options as never) as ObjectSchema;
}

/** Classes of the nested properties of `dataClass`, itself not included, with what they nest in turn. */
function nestedClasses(
  dataClass: DataClass,
  found: Map<string, DataClass> = new Map(),
): Map<string, DataClass> {
  for (const property of Object.keys(schemaOf(dataClass).properties)) {
    const nested = defaultMetadataStorage.findTypeMetadata(dataClass, property)?.typeFunction();
    if (!nested || found.has(nested.name)) continue;
    found.set(nested.name, nested);
    nestedClasses(nested, found);
  }
  return found;
}

/**
 * The JSON Schema of a contract's `data`, made from the decorators of its class, so that the two can't disagree.
 *
 * It does not forbid fields that it doesn't know: a consumer has to ignore what a newer publisher adds.
 *
 * @param baseUrl where schemas are served, for example `https://api.example.com/schemas`; gives the schema its `$id`.
 */
export function dataSchemaOf(contract: Contract, baseUrl?: string): DataSchema {
  const { properties, required } = schemaOf(contract.dataClass);
  const definitions = [...nestedClasses(contract.dataClass)].map(([name, nested]) => [
    name,
    schemaOf(nested),
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...(baseUrl !== undefined && { $id: `${baseUrl}/${contract.type}.json` }),
    title: contract.type,
    description: contract.description,
    type: 'object',
    properties,
    ...(required && { required }),
    examples: [contract.example],
    ...(definitions.length > 0 && { $defs: Object.fromEntries(definitions) }),
  };
}
