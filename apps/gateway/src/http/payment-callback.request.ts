import { ApiProperty } from '@nestjs/swagger';
import { IsTimestamp, MAX_PAYMENT_ID_LENGTH, TextLength } from '@warren/contracts';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsObject, IsUUID, Matches, Max, Min, ValidateNested } from 'class-validator';

/** What each type of callback tells of a payment. */
export const OUTCOMES = { 'payment.approved': 'approved', 'payment.declined': 'declined' } as const;

export type CallbackType = keyof typeof OUTCOMES;

const TYPES = Object.keys(OUTCOMES) as CallbackType[];

export class CallbackAmount {
  @ApiProperty({
    description: 'In minor units of the currency, for example cents.',
    type: 'integer',
    minimum: 0,
    example: 4900,
  })
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  amount!: number;

  @ApiProperty({ description: 'ISO 4217 code.', pattern: '^[A-Z]{3}$', example: 'EUR' })
  @Matches(/^[A-Z]{3}$/u)
  currency!: string;
}

export class CallbackPayment {
  @ApiProperty({
    description: "The payment, by the provider's id.",
    minLength: 1,
    maxLength: MAX_PAYMENT_ID_LENGTH,
    example: 'pay_01912d68783e7a3c8a2c0c6e6f3f6a07',
  })
  @TextLength(1, MAX_PAYMENT_ID_LENGTH)
  id!: string;

  @ApiProperty({ description: 'Id of the order.', format: 'uuid' })
  @IsUUID()
  reference!: string;

  @ApiProperty({ description: 'What was to be paid.', type: CallbackAmount })
  @IsObject()
  @ValidateNested()
  @Type(() => CallbackAmount)
  amount!: CallbackAmount;
}

export class PaymentCallbackRequest {
  @ApiProperty({
    description: 'Id of the callback, as in webhook-id.',
    minLength: 1,
    maxLength: MAX_PAYMENT_ID_LENGTH,
    example: 'evt_01912d68783e7a3c8a2c0c6e6f3f6a08',
  })
  @TextLength(1, MAX_PAYMENT_ID_LENGTH)
  id!: string;

  @ApiProperty({ description: 'What happened. Other types are taken, and have no effect.', enum: TYPES })
  @IsIn(TYPES)
  type!: CallbackType;

  @ApiProperty({ description: 'When it happened (RFC 3339, UTC).', format: 'date-time' })
  @IsTimestamp()
  createdAt!: string;

  @ApiProperty({ description: 'The payment that it happened to.', type: CallbackPayment })
  @IsObject()
  @ValidateNested()
  @Type(() => CallbackPayment)
  payment!: CallbackPayment;
}
