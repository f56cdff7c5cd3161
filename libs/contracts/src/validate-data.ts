import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { contractOf, type DataClass } from './define-event.ts';
import { compiledSchemaOf, type Side } from './schema/compiled-schema.ts';
import { instantiate } from './schema/instantiate.ts';

export interface DataViolation {
  /** JSON pointer (RFC 6901) of the field inside `data`. */
  pointer: string;
  message: string;
}

/** `data` that its contract does not allow. */
export class InvalidData extends Error {
  override readonly name = 'InvalidData';
  constructor(
    readonly type: string,
    readonly violations: readonly DataViolation[],
  ) {
    super(`data of ${type}: ${violations.map((v) => `${v.pointer || '/'} ${v.message}`).join('; ')}`);
  }
}

function flatten(errors: readonly ValidationError[], parent = ''): DataViolation[] {
  return errors.flatMap((error) => {
    const pointer = `${parent}/${error.property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const own = Object.values(error.constraints ?? {}).map((message) => ({ pointer, message }));
    return [...own, ...flatten(error.children ?? [], pointer)];
  });
}

function isConstrained(dataClass: DataClass): boolean {
  return getMetadataStorage().getTargetValidationMetadatas(dataClass, '', false, false).length > 0;
}

/**
 * Turns plain JSON into an instance of a class with class-validator decorators, which need not be a contract.
 *
 * @param type what the data is called in the error
 * @param unknownFields `refuse` where we write, `ignore` where we read: a newer writer may have put in more.
 * @throws InvalidData with every violation.
 */
export function validateInstance<T extends object>(
  type: string,
  dataClass: DataClass<T>,
  data: object,
  unknownFields: 'refuse' | 'ignore',
): T {
  const instance = plainToInstance(dataClass, data);
  const errors = validateSync(instance, {
    whitelist: unknownFields === 'refuse',
    forbidNonWhitelisted: unknownFields === 'refuse',
    // A class without a single constraint would be unknown; it is one that allows no field.
    forbidUnknownValues: isConstrained(dataClass),
    stopAtFirstError: false,
  });
  if (errors.length > 0) throw new InvalidData(type, flatten(errors));
  return instance;
}

/**
 * Turns plain JSON into an instance of its contract's class. The schema of the contract decides; class-validator, which
 * takes ten times as long, only says what is wrong.
 *
 * @param unknownFields `refuse` where we publish, `ignore` where we consume: a newer publisher may send more.
 * @throws InvalidData with every violation.
 */
export function validateData<T extends object>(
  dataClass: DataClass<T>,
  data: object,
  unknownFields: 'refuse' | 'ignore',
): T {
  assertData(dataClass, data, unknownFields);
  return instantiate(dataClass, data);
}

/**
 * Makes ready what {@link validateData} and {@link assertData} need for a contract: some 20 ms that its first message need
 * not wait for.
 *
 * @param unknownFields as the data will be validated
 */
export function prepareValidation(dataClass: DataClass, unknownFields: 'refuse' | 'ignore'): void {
  compiledSchemaOf(dataClass, sideOf(unknownFields));
}

const sideOf = (unknownFields: 'refuse' | 'ignore'): Side =>
  unknownFields === 'refuse' ? 'publisher' : 'consumer';

/**
 * Holds plain JSON against its contract, as {@link validateData} does, and makes nothing of it.
 *
 * @throws InvalidData with every violation.
 */
export function assertData(dataClass: DataClass, data: object, unknownFields: 'refuse' | 'ignore'): void {
  const isValid = compiledSchemaOf(dataClass, sideOf(unknownFields));
  if (isValid(data)) return;
  const violations = (isValid.errors ?? []).map(({ instancePath, message }) => ({
    pointer: instancePath,
    message: message ?? 'is not allowed',
  }));
  const { type } = contractOf(dataClass);
  throw explained(type, dataClass, data, unknownFields) ?? new InvalidData(type, violations);
}

/** What class-validator says of data that the schema refuses: fields by their names, rules in words. */
function explained(
  type: string,
  dataClass: DataClass,
  data: object,
  unknownFields: 'refuse' | 'ignore',
): InvalidData | undefined {
  try {
    validateInstance(type, dataClass, data, unknownFields);
    return undefined;
  } catch (error) {
    // class-transformer can't read all that can be refused: null among the objects of a union, for one.
    return error instanceof InvalidData ? error : undefined;
  }
}
