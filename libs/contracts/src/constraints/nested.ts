import { Type, type TypeOptions } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsObject, ValidateNested } from 'class-validator';
import type { DataClass } from '../define-event.ts';

/** How an object says which of several classes it is of. */
export interface UnionOptions {
  /** The field that tells. Every class has it, constrained by `@Equals` to its own name in `classes`. */
  by: string;
  /** The classes by the value of the field. */
  classes: Readonly<Record<string, DataClass>>;
}

export interface ListOptions {
  /** The fewest items. Default: none. */
  min?: number;
  /** The most items. Default: any number. */
  max?: number;
}

const apply =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (prototype, field) => {
    for (const decorator of decorators) decorator(prototype, field);
  };

function typeOptions({ by, classes }: UnionOptions): TypeOptions {
  const subTypes = Object.entries(classes).map(([name, value]) => ({ name, value }));
  return { discriminator: { property: by, subTypes }, keepDiscriminatorProperty: true };
}

/** The field is an object of the class. */
export const Nested = (dataClass: () => DataClass): PropertyDecorator =>
  apply(IsObject(), ValidateNested(), Type(dataClass));

/** The field is a list of objects of the class. */
export const NestedList = (dataClass: () => DataClass, options: ListOptions = {}): PropertyDecorator =>
  apply(...list(options), Type(dataClass));

/**
 * The field is an object of one of several classes.
 *
 * @param base what they have in common: the field that tells, constrained by `@IsIn` to all its values
 */
export const NestedUnion = (base: () => DataClass, union: UnionOptions): PropertyDecorator =>
  apply(IsObject(), ValidateNested(), Type(base, typeOptions(union)));

/** The field is a list of objects, each of one of several classes. See {@link NestedUnion}. */
export const NestedUnionList = (
  base: () => DataClass,
  union: UnionOptions,
  options: ListOptions = {},
): PropertyDecorator => apply(...list(options), Type(base, typeOptions(union)));

function list({ min, max }: ListOptions): PropertyDecorator[] {
  return [
    IsArray(),
    ...(min === undefined ? [] : [ArrayMinSize(min)]),
    ...(max === undefined ? [] : [ArrayMaxSize(max)]),
    // Without this one, class-validator takes a list within the list for its items.
    IsObject({ each: true }),
    ValidateNested({ each: true }),
  ];
}
