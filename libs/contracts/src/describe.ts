import type { DataClass } from './define-event.ts';

export interface DescribeOptions {
  /** What a number counts or measures: `bytes`, `pieces`, `ms`. `none` for a number that is a code or a name. */
  unit?: string;
}

export interface FieldDescription extends DescribeOptions {
  readonly text: string;
}

const descriptions = new WeakMap<object, Map<string, FieldDescription>>();

/**
 * Says what a field of a contract means, for somebody who has never seen the system. Stands in the JSON Schema.
 *
 * @param text one or two sentences
 */
export function Describe(text: string, options: DescribeOptions = {}): PropertyDecorator {
  return (prototype, field) => {
    const fields = descriptions.get(prototype) ?? new Map<string, FieldDescription>();
    fields.set(String(field), { text, ...options });
    descriptions.set(prototype, fields);
  };
}

/** What {@link Describe} said of a field, here or in a class that this one extends. */
export function descriptionOf(dataClass: DataClass, field: string): FieldDescription | undefined {
  let prototype: object | null = dataClass.prototype as object;
  while (prototype !== null) {
    const found = descriptions.get(prototype)?.get(field);
    if (found) return found;
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return undefined;
}

/** Names of the fields that {@link Describe} said something of, here or in a class that this one extends. */
export function describedFields(dataClass: DataClass): string[] {
  const fields: string[] = [];
  let prototype: object | null = dataClass.prototype as object;
  while (prototype !== null) {
    fields.push(...(descriptions.get(prototype)?.keys() ?? []));
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return fields;
}
