// class-transformer keeps its metadata private; this file is where it lives.
import { defaultMetadataStorage, type TypeMetadata } from 'class-transformer/cjs/storage.js';
import { getMetadataStorage, IS_OPTIONAL, ValidationTypes } from 'class-validator';
import { presenceOf } from '../constraints/presence.ts';
import type { DataClass } from '../define-event.ts';
import { bothOf, orNull, type Schema } from './keywords.ts';
import { translateConstraint, type Constraint, type Translation } from './translate-constraint.ts';

/** A constraint of one field, as class-validator keeps it. */
export interface FieldConstraint extends Constraint {
  readonly type: string;
  readonly each?: boolean;
  readonly groups?: readonly string[];
  readonly validateIf?: unknown;
}

/** Objects of which classes a field holds. */
export interface NestedField {
  readonly isList: boolean;
  readonly classes: readonly DataClass[];
  /** The field of those objects that says of which class they are, where there are several. */
  readonly by?: string;
  /** The class by the value of that field. */
  readonly byValue?: ReadonlyMap<unknown, DataClass>;
}

export interface FieldSchema {
  readonly schema: Schema;
  readonly required: boolean;
  readonly nested?: NestedField;
}

/** The constraints of a class by field, its own before those of the classes that it extends. */
export function constraintsOf(dataClass: DataClass): Map<string, FieldConstraint[]> {
  const all = getMetadataStorage().getTargetValidationMetadatas(dataClass, '', false, false);
  const fields = new Map<string, FieldConstraint[]>();
  for (const constraint of all) {
    const ofField = fields.get(constraint.propertyName);
    if (ofField) ofField.push(constraint);
    else fields.set(constraint.propertyName, [constraint]);
  }
  return fields;
}

/** @throws TypeError, without the name of the field, when its decorators say something that JSON Schema can't */
export function describeField(
  dataClass: DataClass,
  field: string,
  constraints: readonly FieldConstraint[],
): FieldSchema {
  for (const { groups, validateIf } of constraints) {
    if (groups?.length || validateIf !== undefined) {
      throw new TypeError('a contract is the same for everybody: no groups, no validateIf');
    }
  }
  refuseTransformations(dataClass, field);
  const ofType = (type: string) => constraints.filter((constraint) => constraint.type === type);
  const presence = presenceIn(ofType(ValidationTypes.CONDITIONAL_VALIDATION));
  const values = constraints.filter(
    ({ type }) =>
      type !== ValidationTypes.CONDITIONAL_VALIDATION && type !== ValidationTypes.NESTED_VALIDATION,
  );
  let schema = allOf(values.filter(({ each }) => each !== true));
  const ofItems = values.filter(({ each }) => each === true);
  const nested = nestedIn(dataClass, field, ofType(ValidationTypes.NESTED_VALIDATION));
  if (nested && !nested.isList) schema = nestedObject(schema, nested);
  else schema = withItems(schema, ofItems, nested);
  return {
    schema: presence.nullable ? orNull(schema) : schema,
    required: presence.required,
    ...(nested && { nested }),
  };
}

function refuseTransformations(dataClass: DataClass, field: string): void {
  const isTransformed =
    defaultMetadataStorage.findExposeMetadata(dataClass, field) !== undefined ||
    defaultMetadataStorage.findExcludeMetadata(dataClass, field) !== undefined ||
    defaultMetadataStorage.findTransformMetadatas(dataClass, field, 0).length > 0;
  if (isTransformed) {
    throw new TypeError('data is what stands on the wire: no @Expose, @Exclude or @Transform');
  }
}

function presenceIn(conditions: readonly FieldConstraint[]): { required: boolean; nullable: boolean } {
  const found = new Set<string>();
  for (const { name, constraints } of conditions) {
    const presence = presenceOf(constraints?.[0]);
    if (name === IS_OPTIONAL) found.add('absent').add('null');
    else if (presence) found.add(presence);
    else throw new TypeError('@ValidateIf has no equivalent in JSON Schema: use @MayBeAbsent or @MayBeNull');
  }
  return { required: !found.has('absent'), nullable: found.has('null') };
}

/** @throws TypeError when the constraints together do not say what kind of value it is */
function allOf(constraints: readonly FieldConstraint[]): Schema {
  const translations = constraints.map((constraint) => translateConstraint(constraint));
  const schema = translations.reduce<Schema>((sum, { keywords }) => bothOf(sum, keywords), {});
  if (!translations.some(saysWhatItIs)) {
    throw new TypeError('its constraints do not say what it is: add IsString, IsInt, IsObject, IsArray, …');
  }
  for (const { type } of translations) if (type) assertFits(schema, type);
  return schema;
}

const saysWhatItIs = ({ keywords, needsType }: Translation): boolean =>
  needsType !== true &&
  (keywords.type !== undefined || keywords.enum !== undefined || keywords.const !== undefined);

function assertFits({ type }: Schema, needed: string): void {
  if (type === needed || (type === 'integer' && needed === 'number')) return;
  throw new TypeError(
    `a constraint of it is one for ${needed}, and it is ${String(type ?? 'of several types')}`,
  );
}

function nestedObject(schema: Schema, nested: NestedField): Schema {
  if (schema.type !== 'object') {
    throw new TypeError('@ValidateNested lets lists pass: put @IsObject beside it, or use @Nested instead');
  }
  return reference(nested);
}

function withItems(
  schema: Schema,
  ofItems: readonly FieldConstraint[],
  nested: NestedField | undefined,
): Schema {
  if (schema.type !== 'array') {
    if (ofItems.length === 0 && !nested) return schema;
    throw new TypeError('constraints for each item let single values pass: put @IsArray beside them');
  }
  if (ofItems.length === 0) {
    const mend = nested
      ? '@IsObject({ each: true }) beside @ValidateNested, or @NestedList'
      : '{ each: true }';
    throw new TypeError(`it is not said what its items are: use ${mend}`);
  }
  const items = allOf(ofItems);
  if (nested && items.type !== 'object')
    throw new TypeError('its items are objects: @IsObject({ each: true })');
  if (schema.uniqueItems && (nested || items.type === 'object')) {
    throw new TypeError('@UniqueItems is for texts, numbers and booleans');
  }
  return { ...schema, items: nested ? reference(nested) : items };
}

function reference({ classes }: NestedField): Schema {
  const [first, ...others] = classes.map(({ name }) => ({ $ref: `#/$defs/${name}` }));
  return others.length === 0 ? first! : { oneOf: [first!, ...others] };
}

function nestedIn(
  dataClass: DataClass,
  field: string,
  nestings: readonly FieldConstraint[],
): NestedField | undefined {
  const type = defaultMetadataStorage.findTypeMetadata(dataClass, field);
  if (nestings.length === 0) {
    if (type) throw new TypeError('@Type converts values: it is for @ValidateNested alone');
    return undefined;
  }
  const base = type?.typeFunction();
  if (!type || base === undefined) {
    throw new TypeError('@ValidateNested needs the class of what is nested: @Type(() => …)');
  }
  const isList = nestings.some(({ each }) => each === true);
  return type.options?.discriminator
    ? { isList, ...unionOf(type.options, base) }
    : { isList, classes: [base] };
}

function unionOf(options: TypeMetadata['options'], base: DataClass): Omit<NestedField, 'isList'> {
  const { property, subTypes } = options.discriminator!;
  if (options.keepDiscriminatorProperty !== true) {
    throw new TypeError('a union needs keepDiscriminatorProperty: the class is told by a field of the data');
  }
  const names = subTypes.map(({ name }) => name);
  const told = schemaOf(base, property);
  const values = told?.const === undefined ? told?.enum : [told.const];
  if (!values || values.length !== names.length || !names.every((name) => values.includes(name))) {
    throw new TypeError(`${base.name}.${property} must be constrained by @IsIn to ${names.join(', ')}`);
  }
  for (const { name, value } of subTypes) {
    if (schemaOf(value, property)?.const !== name) {
      throw new TypeError(`${value.name}.${property} must be constrained by @Equals('${name}')`);
    }
  }
  return {
    classes: subTypes.map(({ value }) => value),
    by: property,
    byValue: new Map(subTypes.map(({ name, value }) => [name, value])),
  };
}

function schemaOf(dataClass: DataClass, field: string): Schema | undefined {
  const constraints = constraintsOf(dataClass).get(field);
  return constraints && describeField(dataClass, field, constraints).schema;
}
