import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { Problem } from './problem.ts';

/** Deeper than anything that is taken here. */
const MAX_DEPTH = 8;

/** Lets a class say what a body or a query may hold. What it doesn't name is refused. */
@Injectable()
export class StrictValidation implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type === 'custom' || metatype === undefined || metatype === Object || metatype === String)
      return value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Problem(400, 'the body must be a JSON object');
    }
    refuseTricks(value);
    const instance = plainToInstance(metatype as new () => object, { ...value });
    const errors = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true });
    if (errors.length > 0) throw new Problem(400, errors.flatMap((error) => complaints(error)).join('; '));
    return instance;
  }
}

/** Endless nesting, and fields that class-transformer leaves out in silence. */
function refuseTricks(value: object, depth = 1): void {
  if (depth > MAX_DEPTH) throw new Problem(400, `the body is nested more than ${MAX_DEPTH} levels deep`);
  for (const [name, field] of Object.entries(value)) {
    if (name in Object.prototype) throw new Problem(400, `property ${name} should not exist`);
    if (typeof field === 'object' && field !== null) refuseTricks(field, depth + 1);
  }
}

function complaints({ property, constraints = {}, children = [] }: ValidationError, parent = ''): string[] {
  return [
    ...Object.values(constraints).map((message) => `${parent}${message}`),
    ...children.flatMap((child) => complaints(child, `${parent}${property}.`)),
  ];
}
