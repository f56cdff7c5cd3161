import type { DataClass } from '../define-event.ts';
import { describedFields, descriptionOf } from '../describe.ts';
import { constraintsOf, describeField, type NestedField } from './describe-field.ts';
import type { Schema } from './keywords.ts';

/** What the decorators of a class say of its data. */
export interface ClassDescription {
  /** Without a word on fields that it does not name. */
  readonly schema: Schema & { type: 'object'; properties: Record<string, Schema> };
  /** Fields that hold objects of other classes. */
  readonly nested: ReadonlyMap<string, NestedField>;
}

const known = new WeakMap<DataClass, ClassDescription>();

/**
 * Reads the decorators of a class. Nested classes are named by `#/$defs/<name>`.
 *
 * @throws TypeError, naming class and field, when they say something that JSON Schema can't
 */
export function describeClass(dataClass: DataClass): ClassDescription {
  const before = known.get(dataClass);
  if (before) return before;
  const constraints = constraintsOf(dataClass);
  for (const field of describedFields(dataClass)) {
    if (!constraints.has(field)) {
      throw new TypeError(`${dataClass.name}.${field}: it has a description and no constraint`);
    }
  }
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  const nested = new Map<string, NestedField>();
  for (const [field, ofField] of constraints) {
    const described = inField(dataClass, field, () => describeField(dataClass, field, ofField));
    const { type, ...conditions } = described.schema;
    const description = descriptionText(dataClass, field);
    properties[field] = { ...(type && { type }), ...conditions, ...description };
    if (described.required) required.push(field);
    if (described.nested) nested.set(field, described.nested);
  }
  const description: ClassDescription = {
    schema: { type: 'object', properties, ...(required.length > 0 && { required }) },
    nested,
  };
  known.set(dataClass, description);
  return description;
}

/**
 * All classes nested in the data of a class, itself not included, by their names.
 *
 * @throws TypeError when two of them have the same name
 */
export function nestedClasses(
  dataClass: DataClass,
  found: Map<string, DataClass> = new Map(),
): Map<string, DataClass> {
  for (const { classes } of describeClass(dataClass).nested.values()) {
    for (const nested of classes) {
      const namesake = found.get(nested.name);
      if (namesake === nested) continue;
      if (namesake) throw new TypeError(`${dataClass.name}: two nested classes are named ${nested.name}`);
      found.set(nested.name, nested);
      nestedClasses(nested, found);
    }
  }
  return found;
}

function descriptionText(dataClass: DataClass, field: string): { description?: string } {
  const description = descriptionOf(dataClass, field);
  if (!description) return {};
  const { text, unit } = description;
  return { description: unit === undefined || unit === 'none' ? text : `${text} Unit: ${unit}.` };
}

function inField<T>(dataClass: DataClass, field: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TypeError(`${dataClass.name}.${field}: ${error.message}`, { cause: error });
  }
}
