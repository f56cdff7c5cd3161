import { Equals, IsIn, IsInt, Length } from 'class-validator';
import { NestedUnionList } from './constraints/nested.ts';
import { contractOf, DefineEvent } from './define-event.ts';
import { FileRejectedV1 } from './files/file-rejected.v1.ts';
import { Money } from './money.ts';
import { PricedLine } from './orders/order-line.ts';
import { OrderPlacedV1 } from './orders/order-placed.v1.ts';
import { PlaceOrderV1 } from './orders/place-order.v1.ts';
import { UserRegisteredV1 } from './users/user-registered.v1.ts';
import { assertData, InvalidData, validateData } from './validate-data.ts';

const placed = contractOf(OrderPlacedV1).example;
const registered = contractOf(UserRegisteredV1).example;

function refusalOf(work: () => unknown): InvalidData {
  try {
    work();
  } catch (error) {
    if (error instanceof InvalidData) return error;
    throw error;
  }
  throw new Error('it was allowed');
}

describe('the error of data that its contract does not allow', () => {
  const { example } = contractOf(PlaceOrderV1);
  const value = 's3cret value';

  it.each(
    Object.keys(example).flatMap((field) =>
      [value, [value], { value }, value.repeat(100)].map((wrong) => [field, wrong] as const),
    ),
  )('names %s and does not quote it, %j', (field, wrong) => {
    const error = refusalOf(() => validateData(PlaceOrderV1, { ...example, [field]: wrong }, 'ignore'));
    expect(error.message).toContain(field);
    expect(`${error.stack} ${JSON.stringify(error.violations)}`).not.toContain('s3cret');
    expect(error.cause).toBeUndefined();
  });

  it('does not quote a field that there is not', () => {
    const error = refusalOf(() => assertData(PlaceOrderV1, { ...example, cvc: value }, 'refuse'));
    expect(error.message).toContain('cvc');
    expect(error.stack).not.toContain('s3cret');
  });
});

describe('data that its contract allows', () => {
  it('becomes instances of the class and of the classes nested in it', () => {
    const order = validateData(OrderPlacedV1, JSON.parse(JSON.stringify(placed)) as object, 'ignore');
    expect(order).toBeInstanceOf(OrderPlacedV1);
    expect(order.total).toBeInstanceOf(Money);
    expect(order.lines[0]).toBeInstanceOf(PricedLine);
    expect(order.lines[0]!.unitPrice).toBeInstanceOf(Money);
    expect(order).toEqual(placed);
  });

  it('keeps fields of a newer publisher where it is read, and is refused with them where it is written', () => {
    const newer = { ...placed, total: { ...placed.total, tax: 19 } };
    expect(validateData(OrderPlacedV1, newer, 'ignore')).toMatchObject({ total: { tax: 19 } });
    expect(refusalOf(() => assertData(OrderPlacedV1, newer, 'refuse')).violations).toEqual([
      { pointer: '/total/tax', message: 'property tax should not exist' },
    ]);
  });

  it('can not replace what the class has by itself', () => {
    const hostile = JSON.parse(
      `{"__proto__": {"polluted": true}, "toString": "x", "constructor": 1, ${JSON.stringify(registered).slice(1)}`,
    ) as object;
    const user = validateData(UserRegisteredV1, hostile, 'ignore');
    expect(Object.getPrototypeOf(user)).toBe(UserRegisteredV1.prototype);
    expect(user.constructor).toBe(UserRegisteredV1);
    expect(user.toString).toBe(Object.prototype.toString);
    expect(user).not.toHaveProperty('polluted');
  });

  it('has objects of the class that each says it is of', () => {
    const drawing = validateData(DrawingMadeV1, contractOf(DrawingMadeV1).example, 'refuse');
    expect(drawing.shapes[0]).toBeInstanceOf(Dot);
    expect(drawing.shapes[1]).toBeInstanceOf(Line);
  });

  it('may say nothing by leaving a field out, and not by null', () => {
    const { example } = contractOf(FileRejectedV1);
    expect(() => assertData(FileRejectedV1, { ...example, sha256: undefined }, 'refuse')).not.toThrow();
    expect(
      refusalOf(() => assertData(FileRejectedV1, { ...example, sha256: null }, 'ignore')).violations,
    ).toEqual([{ pointer: '/sha256', message: expect.stringContaining('must match') }]);
  });
});

describe('data that its contract does not allow', () => {
  it('is refused with every violation, each by field and rule', () => {
    const data = {
      ...placed,
      orderId: 'x',
      placedAt: '2026-01-15',
      lines: [{ ...placed.lines[0], quantity: 0.5 }],
    };
    const error = refusalOf(() => validateData(OrderPlacedV1, data, 'ignore'));
    expect(error.type).toBe('order.placed.v1');
    expect(error.violations).toEqual([
      { pointer: '/orderId', message: 'orderId must be a UUID' },
      { pointer: '/lines/0/quantity', message: 'quantity must not be less than 1' },
      { pointer: '/lines/0/quantity', message: 'quantity must be an integer number' },
      {
        pointer: '/placedAt',
        message: 'placedAt must be an RFC 3339 timestamp in UTC, as 2026-01-15T09:30:00.000Z',
      },
    ]);
    expect(error.message).toContain(
      'data of order.placed.v1: /orderId orderId must be a UUID; /lines/0/quantity',
    );
  });

  it('is refused in the words of the schema where class-validator has none', () => {
    // An emoji with its variation selector: two characters for JSON Schema, one for @Length.
    const title = '❤\uFE0F'.repeat(6);
    const error = refusalOf(() => assertData(SignPaintedV1, { title }, 'refuse'));
    expect(error.violations).toEqual([
      { pointer: '/title', message: 'must NOT have more than 10 characters' },
    ]);
    expect(() => assertData(SignPaintedV1, { title: '❤\uFE0F'.repeat(5) }, 'refuse')).not.toThrow();
  });

  it('is refused where class-transformer can not even read it', () => {
    const error = refusalOf(() => validateData(DrawingMadeV1, { shapes: [null] }, 'ignore'));
    expect(error.violations).toContainEqual({ pointer: '/shapes/0', message: 'must be object' });
  });

  it('is refused when it is no object at all', () => {
    expect(refusalOf(() => validateData(OrderPlacedV1, [placed], 'ignore'))).toBeInstanceOf(InvalidData);
    expect(refusalOf(() => validateData(OrderPlacedV1, [], 'ignore'))).toBeInstanceOf(InvalidData);
  });
});

class Shape {
  @IsIn(['dot', 'line']) kind!: 'dot' | 'line';
}
class Dot extends Shape {
  @Equals('dot') declare kind: 'dot';
}
class Line extends Shape {
  @Equals('line') declare kind: 'line';
  @IsInt() length!: number;
}

@DefineEvent<DrawingMadeV1>({
  type: 'drawing.made.v1',
  exchange: 'drawings.events',
  publishedBy: 'drawing-service',
  description: 'For tests.',
  example: { shapes: [{ kind: 'dot' }, { kind: 'line', length: 3 }] },
})
class DrawingMadeV1 {
  @NestedUnionList(() => Shape, { by: 'kind', classes: { dot: Dot, line: Line } })
  shapes!: (Dot | Line)[];
}

@DefineEvent<SignPaintedV1>({
  type: 'sign.painted.v1',
  exchange: 'signs.events',
  publishedBy: 'sign-service',
  description: 'For tests.',
  example: { title: 'Open' },
})
class SignPaintedV1 {
  @Length(1, 10)
  title!: string;
}
