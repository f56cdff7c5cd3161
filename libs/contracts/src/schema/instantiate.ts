import type { DataClass } from '../define-event.ts';
import { describeClass } from './describe-class.ts';
import type { NestedField } from './describe-field.ts';

/**
 * Makes an instance of a class, and of the classes nested in it, of data that fulfils its schema. Fields that no class
 * names are taken over; nothing but the objects of nested classes is copied.
 */
export function instantiate<T extends object>(dataClass: DataClass<T>, data: object): T {
  const instance = new dataClass() as Record<string, unknown>;
  const { nested } = describeClass(dataClass);
  for (const [field, value] of Object.entries(data)) {
    // What the class itself has by this name (a method, a getter, __proto__) is not for the data to replace.
    if (field in instance && !Object.hasOwn(instance, field)) continue;
    const nestedField = nested.get(field);
    instance[field] = nestedField && value != null ? instantiateNested(nestedField, value as object) : value;
  }
  return instance as T;
}

function instantiateNested(field: NestedField, value: object): object {
  if (!field.isList) return instantiate(classOf(field, value), value);
  return (value as object[]).map((item) => instantiate(classOf(field, item), item));
}

function classOf({ classes, by, byValue }: NestedField, value: object): DataClass {
  if (by === undefined) return classes[0]!;
  return byValue!.get((value as Record<string, unknown>)[by])!;
}
