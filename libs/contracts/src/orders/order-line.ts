import { IsInt, Matches, Max, Min } from 'class-validator';
import { Nested } from '../constraints/nested.ts';
import { TextLength } from '../constraints/text-length.ts';
import { Describe } from '../describe.ts';
import { Money } from '../money.ts';

/** The largest quantity that one line may ask for, in pieces. */
export const MAX_LINE_QUANTITY = 100_000;

/** The most lines that one order may have. */
export const MAX_ORDER_LINES = 100;

/** Printable ASCII: what a label, a log line and every database can hold. */
export const SKU_PATTERN = /^[ -~]+$/u;

/** What a customer asks for. */
export class RequestedLine {
  @TextLength(1, 64)
  @Matches(SKU_PATTERN)
  @Describe('Stock keeping unit.')
  sku!: string;

  @IsInt()
  @Min(1)
  @Max(MAX_LINE_QUANTITY)
  @Describe('How many are ordered.', { unit: 'pieces' })
  quantity!: number;
}

/** What a customer gets, at the price that was fixed when the order was placed. */
export class PricedLine extends RequestedLine {
  @TextLength(1, 200)
  @Describe('Name of the product when the order was placed.')
  name!: string;

  @Nested(() => Money)
  @Describe('Price of one piece.')
  unitPrice!: Money;
}
