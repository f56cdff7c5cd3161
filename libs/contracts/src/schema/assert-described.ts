import type { DataClass } from '../define-event.ts';
import { descriptionOf } from '../describe.ts';
import { describeClass, nestedClasses } from './describe-class.ts';
import type { Schema } from './keywords.ts';

/** @throws TypeError, naming the fields at any depth that say nothing of themselves, or are numbers without a unit */
export function assertDescribed(dataClass: DataClass): void {
  const problems = [dataClass, ...nestedClasses(dataClass).values()].flatMap((each) =>
    Object.entries(describeClass(each).schema.properties).flatMap(([field, schema]) => {
      const description = descriptionOf(each, field);
      if (!description?.text) return [`${each.name}.${field} has no description: add @Describe('…')`];
      if (isNumber(schema) && description.unit === undefined) {
        return [
          `${each.name}.${field} is a number of what? Add { unit: '…' } to @Describe, or { unit: 'none' }`,
        ];
      }
      return [];
    }),
  );
  if (problems.length > 0) throw new TypeError([...new Set(problems)].join('; '));
}

function isNumber({ type, items }: Schema): boolean {
  return [type, items?.type].flat().some((each) => each === 'integer' || each === 'number');
}
