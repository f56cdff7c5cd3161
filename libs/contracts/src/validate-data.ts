import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { contractOf, type DataClass } from './define-event.ts';

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
 * Turns plain JSON into an instance of its contract's class.
 *
 * @param unknownFields `refuse` where we publish, `ignore` where we consume: a newer publisher may send more.
 * @throws InvalidData with every violation.
 */
export function validateData<T extends object>(
  dataClass: DataClass<T>,
  data: object,
  unknownFields: 'refuse' | 'ignore',
): T {
  return validateInstance(contractOf(dataClass).type, dataClass, data, unknownFields);
}
