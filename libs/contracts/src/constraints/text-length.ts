import { buildMessage, ValidateBy, type ValidationOptions } from 'class-validator';

export const TEXT_LENGTH = 'textLength';

/** As JSON Schema counts: code points of Unicode. */
function countCharacters(text: string): number {
  let count = 0;
  for (const _character of text) count += 1;
  return count;
}

/**
 * A text of `min` to `max` characters, counted as JSON Schema counts them. (`Length` of class-validator leaves out the
 * variation selectors that emoji are written with, and so lets longer texts pass.)
 */
export const TextLength = (min: number, max: number, options?: ValidationOptions): PropertyDecorator =>
  ValidateBy(
    {
      name: TEXT_LENGTH,
      constraints: [min, max],
      validator: {
        validate: (value: unknown) => {
          if (typeof value !== 'string') return false;
          const count = countCharacters(value);
          return count >= min && count <= max;
        },
        defaultMessage: buildMessage(
          (prefix) =>
            `${prefix}$property must be longer than or equal to $constraint1 and shorter than or equal to ` +
            `$constraint2 characters`,
          options,
        ),
      },
    },
    options,
  );
