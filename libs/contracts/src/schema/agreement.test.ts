import {
  ArrayMaxSize,
  ArrayMinSize,
  Equals,
  IsArray,
  IsBoolean,
  IsDefined,
  IsEnum,
  IsIn,
  IsInt,
  IsNegative,
  IsNotEmpty,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import fc from 'fast-check';
import { Nested, NestedList, NestedUnion, NestedUnionList } from '../constraints/nested.ts';
import { MayBeAbsent, MayBeNull } from '../constraints/presence.ts';
import { IsHttpUrl, IsMailAddress, IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { UniqueItems } from '../constraints/unique-items.ts';
import { contractOf } from '../define-event.ts';
import { allContracts } from '../registry.ts';
import { twoValidators } from '../test/two-validators.ts';
import { contractWith } from '../test/contract-with.ts';

enum Size {
  Small = 'S',
  Large = 'L',
}

class Point {
  @IsInt() x!: number;
  @MayBeAbsent() @IsInt() y?: number;
}
class Shape {
  @IsIn(['circle', 'square']) kind!: string;
}
class Circle extends Shape {
  @Equals('circle') declare kind: 'circle';
  @IsInt() radius!: number;
}
class Square extends Shape {
  @Equals('square') declare kind: 'square';
  @Length(1, 3) side!: string;
}
const SHAPES = { by: 'kind', classes: { circle: Circle, square: Square } };

const UUID = '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01';
const ABSENT = Symbol('absent');

interface Kind {
  decorators: PropertyDecorator[];
  good: unknown[];
  bad: unknown[];
}

const KINDS: Record<string, Kind> = {
  'a text': { decorators: [IsString()], good: ['', 'a', '\uD800'], bad: [1, null, ABSENT, [], {}, true] },
  'a text of some length': {
    decorators: [Length(2, 3)],
    good: ['ab', 'abc', '😀😀', '😀😀😀', 'e\u0301'],
    bad: ['', 'a', 'abcd', '😀', '😀😀😀😀', ['a', 'b'], 22],
  },
  'a text of some characters': {
    decorators: [TextLength(2, 3)],
    good: ['ab', 'abc', '❤\uFE0F', '❤\uFE0Fa', '\uFE0F\uFE0F', '😀😀😀', '\uD800\uD800'],
    bad: ['', 'a', '\uFE0F', '❤\uFE0F❤\uFE0F', '😀', ['a', 'b'], 22],
  },
  'a text with a least length': { decorators: [MinLength(1)], good: ['a', ' '], bad: ['', null, 5] },
  'a text with a greatest length': { decorators: [MaxLength(2)], good: ['', '😀😀'], bad: ['abc', 1] },
  'a text that is not empty': {
    decorators: [IsString(), IsNotEmpty()],
    good: [' '],
    bad: ['', null, ABSENT],
  },
  'a text of a pattern': {
    decorators: [Matches(/^[^b]$/u), IsDefined()],
    good: ['a', '😀'],
    bad: ['b', 'aa', '', 7, null],
  },
  'a text of two patterns': {
    decorators: [Matches(/^a/u), Matches(/z$/u), Matches(/m/u)],
    good: ['amz'],
    bad: ['az', 'am', 'mz', 'a\nmz\n'],
  },
  'an integer': {
    decorators: [IsInt()],
    good: [0, -0, 1.0, -5, 1e21],
    bad: [0.5, '1', null, ABSENT, true, NaN, Infinity],
  },
  'an integer in bounds': { decorators: [IsInt(), Min(1), Max(3)], good: [1, 3], bad: [0, 4, 1.5, '2', -1] },
  'a number': {
    decorators: [IsNumber()],
    good: [0, 0.5, -1e300],
    bad: ['1', NaN, Infinity, -Infinity, null, []],
  },
  'a number above zero': {
    decorators: [IsNumber(), IsPositive()],
    good: [1e-300, 1],
    bad: [0, -0, -1, Infinity],
  },
  'a number below zero': { decorators: [IsNumber(), IsNegative()], good: [-1], bad: [0, 1, -Infinity] },
  'yes or no': { decorators: [IsBoolean()], good: [true, false], bad: [0, 'true', null, ABSENT] },
  'one of some texts': {
    decorators: [IsIn(['a', 'b'])],
    good: ['a', 'b'],
    bad: ['c', 'A', ['a'], null, ABSENT],
  },
  'one of values of several types': {
    decorators: [IsIn(['a', 1, true])],
    good: ['a', 1, true],
    bad: ['1', 0, false],
  },
  'one of an enum': { decorators: [IsEnum(Size)], good: ['S', 'L'], bad: ['Small', 's', null, 0] },
  'one value': { decorators: [Equals('a')], good: ['a'], bad: ['b', null, ABSENT] },
  'a UUID': {
    decorators: [IsUUID()],
    good: [
      UUID,
      UUID.toUpperCase(),
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-FFFFFFFFFFFF',
      'c232ab00-9414-11ec-b3c8-9e6bdeced846',
    ],
    bad: [
      `urn:uuid:${UUID}`,
      `{${UUID}}`,
      UUID.replaceAll('-', ''),
      `${UUID}\n`,
      ` ${UUID}`,
      '01912d68-783e-9a3c-8a2c-0c6e6f3f6a01',
      '01912d68-783e-0a3c-8a2c-0c6e6f3f6a01',
      '01912d68-783e-7a3c-ca2c-0c6e6f3f6a01',
      '01912d68-783e-7a3c-8a2c-0c6e6f3f6a0g',
      null,
    ],
  },
  'a UUID of a version': {
    decorators: [IsUUID('7')],
    good: [UUID],
    bad: ['c232ab00-9414-11ec-b3c8-9e6bdeced846', '00000000-0000-0000-0000-000000000000'],
  },
  'a timestamp': {
    decorators: [IsTimestamp()],
    good: [
      '2026-01-15T09:30:00Z',
      '2026-01-15T09:30:00.1Z',
      '2026-01-15T09:30:00.123456789Z',
      '2024-02-29T23:59:59.999Z',
      '2000-02-29T00:00:00Z',
      '0000-02-29T00:00:00Z',
    ],
    bad: [
      '2026-01-15',
      '2026-W03-4',
      '2026-01-15T09:30Z',
      '2026-01-15T09:30:00',
      '2026-01-15T09:30:00+00:00',
      '2026-01-15T09:30:00-05:00',
      '2026-01-15 09:30:00Z',
      '2026-01-15t09:30:00z',
      '2026-01-15T24:00:00Z',
      '2026-01-15T23:60:00Z',
      '2016-12-31T23:59:60Z',
      '2026-02-29T00:00:00Z',
      '1900-02-29T00:00:00Z',
      '2026-04-31T00:00:00Z',
      '2026-00-10T00:00:00Z',
      '2026-13-10T00:00:00Z',
      '2026-01-15T09:30:00.Z',
      '2026-01-15T09:30:00.1234567890Z',
      '+002026-01-15T09:30:00Z',
      '2026-01-15T09:30:00Z\n',
      1768469400000,
    ],
  },
  'a mail address': {
    decorators: [IsMailAddress()],
    good: ['a@b.co', 'ada+tag@example.com', 'jörg@exämple.de', "o'hara@a.b.c", 'ada.@example.com'],
    bad: [
      'a@b',
      'a b@c.de',
      '@c.de',
      'a@',
      'a@b@c.de',
      'a@b..c',
      'a@b.c.',
      'a\n@b.co',
      'a@b.co\n',
      'a\u0000@b.co',
      5,
    ],
  },
  'a URL': {
    decorators: [IsHttpUrl()],
    good: [
      'https://example.com',
      'http://localhost:8080/a/b?c=d&e=%20#f',
      'https://a.b-c.example/%C3%A4',
      'https://127.0.0.1/',
    ],
    bad: [
      'example.com',
      '//example.com',
      'ftp://example.com',
      'HTTPS://example.com',
      'https://',
      'https:///a',
      'https://user@example.com',
      'https://example.com/a b',
      'https://example.com/ä',
      'https://example.com/%2',
      'https://-a.example',
      'https://[::1]/',
      'javascript:alert(1)',
    ],
  },
  'what may be absent': { decorators: [MayBeAbsent(), IsInt()], good: [ABSENT, 1], bad: [null, 'a'] },
  'what may be null': { decorators: [MayBeNull(), IsInt()], good: [null, 1], bad: [ABSENT, 'a', 1.5] },
  'what may be null of a few': {
    decorators: [MayBeNull(), IsIn(['a', 'b'])],
    good: [null, 'a'],
    bad: ['c', ABSENT],
  },
  'what may be null or one value': {
    decorators: [MayBeNull(), Equals('a')],
    good: [null, 'a'],
    bad: ['c', ABSENT],
  },
  'what may be absent or null': {
    decorators: [IsOptional(), IsInt()],
    good: [ABSENT, null, 1],
    bad: ['a', []],
  },
  'a list of texts': {
    decorators: [IsArray(), IsString({ each: true }), ArrayMaxSize(2)],
    good: [[], ['a'], ['a', 'a']],
    bad: ['a', [1], [null], ['a', 'b', 'c'], [['a']], {}, null, ABSENT],
  },
  'a list of formats': {
    decorators: [IsArray(), ArrayMinSize(1), IsUUID(undefined, { each: true })],
    good: [[UUID]],
    bad: [[], [UUID, 'x'], UUID],
  },
  'a list without repetition': {
    decorators: [UniqueItems(), IsIn(['a', 'b', 1, true], { each: true })],
    good: [[], ['a', 'b'], [1, true]],
    bad: [['a', 'a'], [1, 1], ['c'], 'a'],
  },
  'an object of any kind': { decorators: [IsObject()], good: [{}, { a: [1] }], bad: [[], 'a', null, ABSENT] },
  'an object of a class': {
    decorators: [Nested(() => Point)],
    good: [{ x: 1 }, { x: 1, y: 2 }],
    bad: [{}, { x: '1' }, { x: 1, y: null }, [{ x: 1 }], [], null, ABSENT, 'x', 1],
  },
  'an object that may be null': {
    decorators: [MayBeNull(), Nested(() => Point)],
    good: [null, { x: 1 }],
    bad: [ABSENT, {}, [null], 'a'],
  },
  'a list of objects': {
    decorators: [NestedList(() => Point, { min: 1, max: 2 })],
    good: [[{ x: 1 }], [{ x: 1 }, { x: 2, y: 3 }]],
    bad: [[], [{}], [null], [[{ x: 1 }]], [{ x: 1 }, 1], { x: 1 }, [{ x: 1 }, { x: 1 }, { x: 1 }], null],
  },
  'an object of one of several classes': {
    decorators: [NestedUnion(() => Shape, SHAPES)],
    good: [
      { kind: 'circle', radius: 1 },
      { kind: 'square', side: 'a' },
    ],
    bad: [
      { kind: 'circle' },
      [{ kind: 'circle', radius: 1 }],
      { kind: 'line' },
      {},
      [],
      null,
      { radius: 1 },
      'circle',
    ],
  },
  'a list of objects of several classes': {
    decorators: [NestedUnionList(() => Shape, SHAPES)],
    good: [
      [],
      [
        { kind: 'circle', radius: 1 },
        { kind: 'square', side: 'a' },
      ],
    ],
    bad: [
      [{ kind: 'circle' }],
      [null],
      [1],
      { kind: 'circle', radius: 1 },
      [{ kind: 'square', radius: 1 }],
      [[]],
    ],
  },
};

/** JSON of any kind, and texts that come near to those that are meant. */
const anyValue = fc.oneof(
  fc.jsonValue(),
  fc.constant(ABSENT),
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.integer({ min: -5, max: 5 }),
  fc.double(),
  fc.uuid(),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.emailAddress(),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.array(fc.constantFrom<unknown>('a', 'b', 1, true, null, UUID, { x: 1 }, { kind: 'circle', radius: 2 }), {
    maxLength: 3,
  }),
  fc.record(
    { x: fc.constantFrom<unknown>(1, 'a', null), y: fc.constantFrom<unknown>(1, null) },
    { requiredKeys: [], noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constantFrom('circle', 'square', 'line'),
      radius: fc.integer(),
      side: fc.string({ maxLength: 4 }),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
);

/** A text with one character left out, doubled or replaced. */
const nearlyOf = (texts: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom(...texts),
      fc.nat(),
      fc.constantFrom('', '0', '9', 'Z', '-', '.', '/', ':', '@', ' ', '\n', 'ä'),
    )
    .map(([text, at, with_]) => {
      const position = at % (text.length + 1);
      return text.slice(0, position) + with_ + text.slice(position + (at % 2));
    });

/** `Length` of class-validator counts these otherwise; TextLength does not. What comes of it is tested elsewhere. */
const countsAlike = (value: unknown): boolean => !/[\uFE0E\uFE0F]/u.test(JSON.stringify(value) ?? '');

const dataWith = (value: unknown): object => (value === ABSENT ? {} : { value });

const UNANIMOUS = (isAllowed: boolean) => ({
  consumer: { schema: isAllowed, class: isAllowed },
  publisher: { schema: isAllowed, class: isAllowed },
});

describe.each(Object.entries(KINDS))('%s', (_name, { decorators, good, bad }) => {
  const dataClass = contractWith(...decorators);
  const verdictsOn = twoValidators(dataClass);

  it('is what both validators allow', () => {
    for (const value of good) {
      expect({ value, verdicts: verdictsOn(dataWith(value)) }).toEqual({ value, verdicts: UNANIMOUS(true) });
    }
  });

  it('is nothing that either validator refuses', () => {
    for (const value of bad) {
      expect({ value, verdicts: verdictsOn(dataWith(value)) }).toEqual({ value, verdicts: UNANIMOUS(false) });
    }
  });

  it('means the same to both for whatever comes', () => {
    const texts = good.filter((value) => typeof value === 'string' && value.length > 0) as string[];
    const values = texts.length > 0 ? fc.oneof(anyValue, nearlyOf(texts), nearlyOf(texts)) : anyValue;
    fc.assert(
      fc.property(values.filter(countsAlike), (value) => {
        const { consumer, publisher } = verdictsOn(dataWith(value));
        expect({ consumer: consumer.schema, publisher: publisher.schema }).toEqual({
          consumer: consumer.class,
          publisher: publisher.class,
        });
      }),
      { numRuns: 400 },
    );
  });
});

/** JSON with one place, at any depth, replaced, left out or added to. */
const mutated = (example: object) =>
  fc
    .tuple(
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('replace', 'drop', 'add'),
      anyValue,
    )
    .map(([path, action, value]) => {
      const copy = structuredClone(example) as Record<string, unknown>;
      let place: Record<string, unknown> | unknown[] = copy;
      for (const [depth, step] of path.entries()) {
        const keys = Object.keys(place);
        if (keys.length === 0) break;
        const key = keys[step % keys.length]!;
        const next = (place as Record<string, unknown>)[key];
        const isLast = depth === path.length - 1 || typeof next !== 'object' || next === null;
        if (isLast) {
          change(place as Record<string, unknown>, key, action, value);
          break;
        }
        place = next as Record<string, unknown>;
      }
      return copy;
    });

function change(place: Record<string, unknown>, key: string, action: string, value: unknown): void {
  if (action === 'drop' || value === ABSENT) {
    if (Array.isArray(place)) place.splice(Number(key), 1);
    else delete place[key];
  } else if (action === 'add' && !Array.isArray(place)) place['addedLater'] = value;
  else place[key] = value;
}

describe.each(allContracts.map(({ type, dataClass }) => [type, dataClass] as const))(
  'data of %s',
  (_type, dataClass) => {
    const verdictsOn = twoValidators(dataClass);
    const { example } = contractOf(dataClass);

    it('is allowed or not by both validators alike, however the example is changed', () => {
      fc.assert(
        fc.property(mutated(example), (data) => {
          const { consumer, publisher } = verdictsOn(data);
          expect({ consumer: consumer.schema, publisher: publisher.schema }).toEqual({
            consumer: consumer.class,
            publisher: publisher.class,
          });
        }),
        { numRuns: 400 },
      );
    });
  },
);
