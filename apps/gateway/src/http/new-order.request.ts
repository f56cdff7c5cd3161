import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  MAX_LINE_QUANTITY,
  MAX_ORDER_LINES,
  MAX_PAYMENT_TOKEN_LENGTH,
  MayBeAbsent,
  PAYMENT_TOKEN_PATTERN,
  SKU_PATTERN,
} from '@warren/contracts';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsInt,
  IsObject,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';

export class NewOrderLine {
  @ApiProperty({ description: 'Stock keeping unit.', minLength: 1, maxLength: 64, example: 'SKU-TEAPOT' })
  @Length(1, 64)
  @Matches(SKU_PATTERN, { message: 'sku must be printable ASCII' })
  sku!: string;

  @ApiProperty({
    description: 'Number of pieces.',
    type: 'integer',
    minimum: 1,
    maximum: MAX_LINE_QUANTITY,
    example: 2,
  })
  @IsInt()
  @Min(1)
  @Max(MAX_LINE_QUANTITY)
  quantity!: number;
}

export class NewOrderRequest {
  @ApiProperty({
    description: 'What is ordered; each SKU once.',
    type: [NewOrderLine],
    minItems: 1,
    maxItems: MAX_ORDER_LINES,
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ORDER_LINES)
  // Without this, class-validator takes an array among the lines for more lines.
  @IsObject({ each: true, message: 'each line must be an object with sku and quantity' })
  @ArrayUnique((line: Partial<NewOrderLine> | null) => line?.sku, {
    message: 'lines must name each sku once',
  })
  @ValidateNested({ each: true })
  @Type(() => NewOrderLine)
  lines!: NewOrderLine[];

  @ApiPropertyOptional({
    description:
      'What the payment provider gave you to pay with. Used once and shown nowhere. Required, unless payments are made ' +
      'in the sandbox.',
    minLength: 1,
    maxLength: MAX_PAYMENT_TOKEN_LENGTH,
    pattern: PAYMENT_TOKEN_PATTERN.source,
    example: 'tok_ok',
  })
  @MayBeAbsent()
  @Length(1, MAX_PAYMENT_TOKEN_LENGTH)
  @Matches(PAYMENT_TOKEN_PATTERN, { message: 'paymentToken must be visible ASCII' })
  paymentToken?: string;
}
