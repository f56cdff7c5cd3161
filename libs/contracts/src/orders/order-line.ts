import { Type } from 'class-transformer';
import { IsInt, IsObject, Length, Matches, Max, Min, ValidateNested } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { Money } from '../money.ts';

/** The largest quantity that one line may ask for, in pieces. */
export const MAX_LINE_QUANTITY = 100_000;

/** The most lines that one order may have. */
export const MAX_ORDER_LINES = 100;

/** Printable ASCII: what a label, a log line and every database can hold. */
export const SKU_PATTERN = /^[ -~]+$/;

/** What a customer asks for. */
export class RequestedLine {
  @Length(1, 64)
  @Matches(SKU_PATTERN)
  @JSONSchema({ description: 'Stock keeping unit.' })
  sku!: string;

  @IsInt()
  @Min(1)
  @Max(MAX_LINE_QUANTITY)
  @JSONSchema({ description: 'Number of pieces.' })
  quantity!: number;
}

/** What a customer gets, at the price that was fixed when the order was placed. */
export class PricedLine extends RequestedLine {
  @Length(1, 200)
  @JSONSchema({ description: 'Name of the product when the order was placed.' })
  name!: string;

  @IsObject()
  @ValidateNested()
  @Type(() => Money)
  @JSONSchema({ description: 'Price of one piece.' })
  unitPrice!: Money;
}
