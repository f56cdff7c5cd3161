import {
  ARRAY_MAX_SIZE,
  ARRAY_MIN_SIZE,
  ARRAY_NOT_EMPTY,
  ARRAY_UNIQUE,
  EQUALS,
  IS_ARRAY,
  IS_BOOLEAN,
  IS_DATE_STRING,
  IS_DEFINED,
  IS_EMAIL,
  IS_ENUM,
  IS_IN,
  IS_INT,
  IS_ISO8601,
  IS_LENGTH,
  IS_NEGATIVE,
  IS_NOT_EMPTY,
  IS_NUMBER,
  IS_OBJECT,
  IS_POSITIVE,
  IS_RFC_3339,
  IS_STRING,
  IS_URL,
  IS_UUID,
  MATCHES,
  MAX,
  MAX_LENGTH,
  MIN,
  MIN_LENGTH,
} from 'class-validator';
import { TEXT_FORMATS } from '../constraints/text-formats.ts';
import { TEXT_LENGTH } from '../constraints/text-length.ts';
import { UNIQUE_ITEMS } from '../constraints/unique-items.ts';
import type { JsonType, Scalar, Schema } from './keywords.ts';

/** A constraint as class-validator keeps it. */
export interface Constraint {
  readonly name?: string;
  readonly constraints: readonly unknown[] | undefined;
}

/** Keywords that say the same, and the type without which they would say nothing. */
export interface Translation {
  readonly keywords: Schema;
  /** The constraint is fulfilled by values of this type alone, or means something for them alone. */
  readonly type?: JsonType;
  /** It does not say itself that the value is of the type. */
  readonly needsType?: boolean;
}

type Translate = (constraint: readonly unknown[]) => Translation;

const typed =
  (type: JsonType): Translate =>
  () => ({ keywords: { type }, type });
const bound =
  (type: JsonType, key: keyof Schema): Translate =>
  ([value]) => ({ keywords: { type, [key]: value }, type });
/** Bounds of numbers let Infinity pass: whether it is an integer or any number has to be said beside them. */
const numeric =
  (key: keyof Schema): Translate =>
  ([value]) => ({ keywords: { [key]: value }, type: 'number', needsType: true });

const TRANSLATIONS: Record<string, Translate> = {
  [IS_STRING]: typed('string'),
  [IS_INT]: typed('integer'),
  [IS_BOOLEAN]: typed('boolean'),
  [IS_ARRAY]: typed('array'),
  [IS_OBJECT]: typed('object'),
  [IS_NUMBER]: translateNumber,
  [MIN]: numeric('minimum'),
  [MAX]: numeric('maximum'),
  [IS_POSITIVE]: () => numeric('exclusiveMinimum')([0]),
  [IS_NEGATIVE]: () => numeric('exclusiveMaximum')([0]),
  [MIN_LENGTH]: bound('string', 'minLength'),
  [MAX_LENGTH]: bound('string', 'maxLength'),
  [IS_LENGTH]: lengths,
  [TEXT_LENGTH]: lengths,
  [IS_NOT_EMPTY]: () => ({ keywords: { minLength: 1 }, type: 'string', needsType: true }),
  [MATCHES]: ([pattern, modifiers]) => ({
    keywords: { type: 'string', pattern: sourceOf(pattern, modifiers) },
    type: 'string',
  }),
  [IS_UUID]: ([version]) => ({
    keywords: { type: 'string', format: 'uuid', pattern: uuidPattern(version) },
    type: 'string',
  }),
  [IS_IN]: ([values]) => oneOfValues(values as readonly unknown[]),
  [IS_ENUM]: ([values]) => oneOfEnum(values as Record<string, unknown>),
  [EQUALS]: ([value]) => oneOfValues([value]),
  [ARRAY_MIN_SIZE]: bound('array', 'minItems'),
  [ARRAY_MAX_SIZE]: bound('array', 'maxItems'),
  [ARRAY_NOT_EMPTY]: () => bound('array', 'minItems')([1]),
  [UNIQUE_ITEMS]: () => ({ keywords: { type: 'array', uniqueItems: true }, type: 'array' }),
  [IS_DEFINED]: () => ({ keywords: {} }),
};

for (const { name, pattern, format } of TEXT_FORMATS.values()) {
  TRANSLATIONS[name] = () => ({
    keywords: { type: 'string', ...(format !== undefined && { format }), pattern: pattern.source },
    type: 'string',
  });
}

/** What has another meaning in JSON Schema, and what to take instead. */
const INSTEAD: Record<string, string> = {
  [IS_EMAIL]: 'IsMailAddress',
  [IS_ISO8601]: 'IsTimestamp',
  [IS_DATE_STRING]: 'IsTimestamp',
  [IS_RFC_3339]: 'IsTimestamp',
  [IS_URL]: 'IsHttpUrl',
  [ARRAY_UNIQUE]: 'UniqueItems',
};

/** @throws TypeError, saying what to use instead, when JSON Schema can't say the same */
export function translateConstraint({ name, constraints }: Constraint): Translation {
  const translate = name !== undefined && Object.hasOwn(TRANSLATIONS, name) ? TRANSLATIONS[name] : undefined;
  if (translate) return translate(constraints ?? []);
  const instead = name !== undefined && INSTEAD[name];
  const mend = instead
    ? `use ${instead} of @warren/contracts`
    : 'docs/contracts.md lists those that have one';
  throw new TypeError(`the constraint "${name ?? 'unnamed'}" has no equivalent in JSON Schema: ${mend}`);
}

function lengths([min, max]: readonly unknown[]): Translation {
  const most = max === undefined ? {} : { maxLength: max as number };
  return { keywords: { type: 'string', minLength: min as number, ...most }, type: 'string' };
}

function translateNumber([options]: readonly unknown[]): Translation {
  if (Object.values((options ?? {}) as object).some((value) => value !== undefined && value !== false)) {
    throw new TypeError('JSON has no options for numbers: use IsNumber() without');
  }
  return { keywords: { type: 'number' }, type: 'number' };
}

function sourceOf(pattern: unknown, modifiers: unknown): string {
  if (!(pattern instanceof RegExp) || modifiers !== undefined || pattern.flags !== 'u') {
    throw new TypeError(
      `a pattern is read as Unicode by JSON Schema, and with no other flag: write it as /…/u, not ${String(pattern)}`,
    );
  }
  return pattern.source;
}

const UUID_VERSIONS = '[0-9a-fA-F]{4}-V[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}';
const NIL_UUID = '00000000-0000-0000-0000-000000000000';
const MAX_UUID = '[fF]{8}-[fF]{4}-[fF]{4}-[fF]{4}-[fF]{12}';

function uuidPattern(version: unknown): string {
  const ofVersion = (digits: string) => `[0-9a-fA-F]{8}-${UUID_VERSIONS.replace('V', digits)}`;
  if (version === undefined || version === 'all') {
    return `^(?:${ofVersion('[1-8]')}|${NIL_UUID}|${MAX_UUID})$`;
  }
  if (/^[1-8]$/.test(String(version))) return `^${ofVersion(String(version))}$`;
  throw new TypeError(`IsUUID of version ${String(version)} is not supported: give one from 1 to 8, or none`);
}

function oneOfValues(values: readonly unknown[]): Translation {
  const strange = values.find((value) => !['string', 'number', 'boolean'].includes(typeof value));
  if (values.length === 0 || strange !== undefined || values.some((value) => value === undefined)) {
    throw new TypeError('the values that are allowed must be texts, numbers or booleans, and at least one');
  }
  const types = new Set(values.map((value) => typeof value));
  const allowed = [...new Set(values)] as Scalar[];
  return {
    keywords: {
      ...(types.size === 1 && { type: [...types][0] as JsonType }),
      ...(allowed.length === 1 ? { const: allowed[0]! } : { enum: allowed }),
    },
  };
}

function oneOfEnum(values: Record<string, unknown>): Translation {
  if (Object.values(values).some((value) => typeof value !== 'string')) {
    throw new TypeError('an enum with numbers allows the names beside them: use an enum of texts, or IsIn');
  }
  return oneOfValues(Object.values(values));
}
