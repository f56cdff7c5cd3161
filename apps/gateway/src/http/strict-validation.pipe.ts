import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { Problem, type FieldError } from './problem.ts';

/** Deeper than anything that the API takes, and shallow enough for everything that walks through a body. */
const MAX_DEPTH = 16;

/** Parameters of these types are looked at by their handlers. */
const UNCHECKED: readonly unknown[] = [undefined, Object, String];

const UNKNOWN = 'is not known here; leave it out';

const LOCATIONS = { body: 'body', query: 'query', param: 'path' } as const;

/** Lets a class say what a body, a query or a path may hold. What it doesn't name is refused. */
@Injectable()
export class StrictValidation implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type === 'custom' || UNCHECKED.includes(metatype)) return value;
    return validated(value, metatype as new () => object, LOCATIONS[type], 'refuse');
  }
}

/**
 * @param unknownFields what is done with fields that the class doesn't name: `ignore` leaves them out
 * @throws Problem that names every field which is not allowed
 */
export function validated<T extends object>(
  value: unknown,
  type: new () => T,
  location: FieldError['in'],
  unknownFields: 'refuse' | 'ignore',
): T {
  if (!isRecord(value)) {
    throw new Problem('validation', 'the body must be a JSON object', {
      errors: [{ in: location, pointer: '', detail: 'must be a JSON object' }],
    });
  }
  refuseTricks(value, location);
  const instance = plainToInstance(type, { ...value });
  const errors = validateSync(instance, {
    whitelist: true,
    forbidNonWhitelisted: unknownFields === 'refuse',
    // A class without a single constraint would be unknown; it is one that allows no field.
    forbidUnknownValues: getMetadataStorage().getTargetValidationMetadatas(type, '', false, false).length > 0,
  });
  if (errors.length > 0) throw invalid(fieldErrors(errors, location));
  return instance;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Refuses what the libraries behind would not survive, or not see: endless nesting, and fields named after something
 * that every object has, which class-transformer leaves out in silence.
 */
function refuseTricks(value: object, location: FieldError['in'], parent = '', depth = 1): void {
  if (depth > MAX_DEPTH) {
    throw new Problem('malformed-json', `the body is nested more than ${MAX_DEPTH} levels deep`);
  }
  for (const [name, field] of Object.entries(value)) {
    const pointer = pointerTo(parent, name);
    if (name in Object.prototype) throw invalid([{ in: location, pointer, detail: UNKNOWN }]);
    if (typeof field === 'object' && field !== null) refuseTricks(field, location, pointer, depth + 1);
  }
}

const pointerTo = (parent: string, name: string): string =>
  `${parent}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** Refuses a request for some of its fields. */
export function invalid(errors: FieldError[]): Problem {
  const names = [...new Set(errors.map(({ pointer }) => pointer.slice(1)))];
  return new Problem('validation', `not allowed as they are: ${names.join(', ')}`, { errors });
}

function fieldErrors(
  errors: readonly ValidationError[],
  location: FieldError['in'],
  parent = '',
): FieldError[] {
  return errors.flatMap((error) => {
    const pointer = pointerTo(parent, error.property);
    // Decorators are applied from the bottom up; the one that a reader of the class meets first is told first.
    const own = Object.entries(error.constraints ?? {})
      .reverse()
      .map(([constraint, message]) => ({
        in: location,
        pointer,
        detail: constraint === 'whitelistValidation' ? UNKNOWN : message,
      }));
    return [...own, ...fieldErrors(error.children ?? [], location, pointer)];
  });
}
