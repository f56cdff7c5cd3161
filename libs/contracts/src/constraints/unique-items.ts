import { buildMessage, ValidateBy, type ValidationOptions } from 'class-validator';

export const UNIQUE_ITEMS = 'uniqueItems';

/**
 * No two items of the list are the same. For lists of texts, numbers and booleans: objects that are equal but not the
 * same are a matter of taste. (`ArrayUnique` of class-validator does not let see by what it compares.)
 */
export const UniqueItems = (options?: ValidationOptions): PropertyDecorator =>
  ValidateBy(
    {
      name: UNIQUE_ITEMS,
      validator: {
        validate: (value: unknown) => Array.isArray(value) && new Set(value).size === value.length,
        defaultMessage: buildMessage(() => "All $property's elements must be unique", options),
      },
    },
    options,
  );
