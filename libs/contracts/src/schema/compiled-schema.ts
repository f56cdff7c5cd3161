import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { DataClass } from '../define-event.ts';
import { consumerSchemaOf, publisherSchemaOf } from '../json-schema.ts';

/** Who looks at data: publishers may not send fields that a contract does not name, consumers ignore them. */
export type Side = 'publisher' | 'consumer';

// Formats only name what the patterns beside them check, and schemas are made here, not read: tests hold both to what a
// strict validator says, so that no process has to when it starts.
const ajv = new Ajv2020({ validateFormats: false, validateSchema: false, meta: false });

const compiled = {
  publisher: new WeakMap<DataClass, ValidateFunction>(),
  consumer: new WeakMap<DataClass, ValidateFunction>(),
};

/** A function that holds data against the schema of a class. Compiled when it is asked for first: some milliseconds. */
export function compiledSchemaOf(dataClass: DataClass, side: Side): ValidateFunction {
  const before = compiled[side].get(dataClass);
  if (before) return before;
  const schema = side === 'publisher' ? publisherSchemaOf(dataClass) : consumerSchemaOf(dataClass);
  const validate = ajv.compile(schema);
  compiled[side].set(dataClass, validate);
  return validate;
}
