import { ValidateIf } from 'class-validator';

// class-validator tells conditions apart by nothing but their identity.
const isPresent = (_data: Record<string, unknown>, value: unknown): boolean => value !== undefined;
const isNotNull = (_data: Record<string, unknown>, value: unknown): boolean => value !== null;

/**
 * The field may be left out, and is then `undefined`. It may not be null: one way to say nothing is enough. (`IsOptional`
 * of class-validator allows both.)
 */
export const MayBeAbsent = (): PropertyDecorator => ValidateIf(isPresent);

/** The field may be null, but has to be there: somebody looked, and there is nothing. */
export const MayBeNull = (): PropertyDecorator => ValidateIf(isNotNull);

/** Which of the two a condition of class-validator is, if it is one of ours. */
export function presenceOf(condition: unknown): 'absent' | 'null' | undefined {
  if (condition === isPresent) return 'absent';
  return condition === isNotNull ? 'null' : undefined;
}
