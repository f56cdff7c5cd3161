import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
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
  const { type } = contractOf(dataClass);
  const instance = plainToInstance(dataClass, data);
  const errors = validateSync(instance, {
    whitelist: unknownFields === 'refuse',
    forbidNonWhitelisted: unknownFields === 'refuse',
    forbidUnknownValues: true,
    stopAtFirstError: false,
  });
  if (errors.length > 0) throw new InvalidData(type, flatten(errors));
  return instance;
}
