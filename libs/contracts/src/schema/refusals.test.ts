import { Exclude, Expose, Transform, Type } from 'class-transformer';
import {
  Allow,
  ArrayUnique,
  Contains,
  Equals,
  IsArray,
  IsEmail,
  IsEnum,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsString,
  IsUrl,
  IsUUID,
  Length,
  Matches,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { NestedUnion } from '../constraints/nested.ts';
import { UniqueItems } from '../constraints/unique-items.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { assertDescribed } from './assert-described.ts';
import { contractWith } from '../test/contract-with.ts';

class Part {
  @IsInt() size!: number;
}
class Wheel {
  @Equals('wheel') kind!: string;
}
class Untold {
  @IsString() kind!: string;
}
class Told {
  @IsIn(['wheel']) kind!: string;
}
class TellsOther {
  @Equals('other') kind!: string;
}
enum Level {
  Low = 1,
}

const defineWith =
  (...decorators: PropertyDecorator[]) =>
  (): void =>
    void contractWith(...decorators);

const subTypes = (value: new () => object) => ({
  discriminator: { property: 'kind', subTypes: [{ name: 'wheel', value }] },
});

describe('a contract can not be defined with', () => {
  it.each<[string, PropertyDecorator[], RegExp]>([
    [
      'a constraint that JSON Schema does not know',
      [Contains('x'), IsString()],
      /"contains" has no equivalent/,
    ],
    ['no constraint but a description', [Describe('What.')], /a description and no constraint/],
    ['nothing but leave to exist', [Allow()], /has no equivalent|do not say what it is/],
    ['mail addresses as class-validator means them', [IsEmail()], /"isEmail".*use IsMailAddress/],
    ['times as ISO 8601 means them', [IsISO8601()], /"isIso8601".*use IsTimestamp/],
    ['URLs as class-validator means them', [IsUrl()], /"isUrl".*use IsHttpUrl/],
    ['uniqueness by nobody knows what', [ArrayUnique()], /use UniqueItems/],
    ['uniqueness of objects', [IsObject({ each: true }), UniqueItems()], /for texts, numbers and booleans/],
    ['a pattern without the flag u', [Matches(/^a$/)], /write it as \/…\/u/],
    ['a pattern that ignores case', [Matches(/^a$/iu)], /write it as \/…\/u/],
    ['a pattern in text', [Matches('a', 'u')], /write it as \/…\/u/],
    ['a bound alone, which Infinity passes', [Min(1)], /do not say what it is/],
    ['a bound for texts', [IsString(), Min(1)], /one for number, and it is string/],
    ['two types', [IsString(), IsInt()], /can't be both/],
    ['values that exclude each other', [IsIn(['a', 'b']), Equals('c')], /exclude each other/],
    ['options of numbers', [IsNumber({ maxDecimalPlaces: 2 })], /IsNumber\(\) without/],
    ['an enum of numbers', [IsEnum(Level)], /enum of texts/],
    ['values that are no scalars', [IsIn([{}])], /texts, numbers or booleans/],
    ['no values', [IsIn([])], /at least one/],
    ['a loose UUID', [IsUUID('loose')], /loose is not supported/],
    ['a condition', [IsInt(), ValidateIf(() => true)], /@MayBeAbsent or @MayBeNull/],
    ['a condition in options', [IsInt({ validateIf: () => true })], /no groups, no validateIf/],
    ['groups', [IsInt({ groups: ['a'] })], /no groups/],
    ['a list of nobody knows what', [IsArray()], /not said what its items are/],
    [
      'constraints of items that a single value fulfils',
      [IsString({ each: true })],
      /do not say what it is|IsArray/,
    ],
    ['both an item and a whole', [IsString(), Length(1, 2, { each: true })], /put @IsArray beside/],
    [
      'a nested object that may be a list',
      [ValidateNested(), Type(() => Part)],
      /do not say what it is|@IsObject/,
    ],
    [
      'a nested list whose items may be lists',
      [IsArray(), ValidateNested({ each: true }), Type(() => Part)],
      /@NestedList/,
    ],
    ['a nested object without a class', [IsObject(), ValidateNested()], /needs the class/],
    ['a type to convert to', [IsString(), Type(() => String)], /@Type converts/],
    ['another name on the wire', [IsInt(), Expose({ name: 'x' })], /no @Expose/],
    ['a field that is left out', [IsInt(), Exclude()], /no @Expose/],
    ['a value that is changed on reading', [IsInt(), Transform(({ value }) => value)], /no @Expose/],
    [
      'a union that loses its kind',
      [IsObject(), ValidateNested(), Type(() => Told, subTypes(Wheel))],
      /keepDiscriminator/,
    ],
    [
      'a union whose base does not name the kinds',
      [NestedUnion(() => Untold, { by: 'kind', classes: { wheel: Wheel } })],
      /Untold\.kind must be constrained by @IsIn to wheel/,
    ],
    [
      'a union whose class is of another kind',
      [NestedUnion(() => Told, { by: 'kind', classes: { wheel: TellsOther } })],
      /TellsOther\.kind must be constrained by @Equals\('wheel'\)/,
    ],
  ])('%s', (_what, decorators, message) => {
    expect(defineWith(...decorators)).toThrow(message);
    expect(defineWith(...decorators)).toThrow(/^Subject\.value: /);
  });

  it('such a field in a nested class, which is named', () => {
    class Inner {
      @IsEmail() address!: string;
    }
    const outer = defineWith(
      IsObject(),
      ValidateNested(),
      Type(() => Inner),
    );
    expect(outer).toThrow(/^Inner\.address: the constraint "isEmail"/);
  });

  it('two nested classes of one name', () => {
    const namesakes = [class Twin { a!: number }, class Twin { b!: number }]; // prettier-ignore
    class Subject {
      one!: object;
      other!: object;
    }
    for (const [n, field] of ['one', 'other'].entries()) {
      IsInt()(namesakes[n]!.prototype, n === 0 ? 'a' : 'b');
      for (const decorate of [IsObject(), ValidateNested(), Type(() => namesakes[n]!)]) {
        decorate(Subject.prototype, field);
      }
    }
    const define = DefineEvent<Subject>({
      type: 'subject.changed.v1',
      exchange: 'subjects.events',
      publishedBy: 'subject-service',
      description: 'For tests.',
      example: { one: {}, other: {} },
    });
    expect(() => define(Subject)).toThrow('Subject: two nested classes are named Twin');
  });
});

describe('a published contract', () => {
  class Bolt {
    @IsInt() length!: number;
    @Describe('How many.') @IsInt() count!: number;
    @Describe('A code.', { unit: 'none' }) @IsInt() code!: number;
  }
  class Engine {
    @Describe('Its bolts.') @IsObject() @ValidateNested() @Type(() => Bolt) bolt!: Bolt;
  }

  it('describes every field, and says of every number what it counts', () => {
    expect(() => assertDescribed(Engine)).toThrow(
      "Bolt.length has no description: add @Describe('…'); " +
        "Bolt.count is a number of what? Add { unit: '…' } to @Describe, or { unit: 'none' }",
    );
  });
});
