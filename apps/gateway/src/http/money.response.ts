import { ApiProperty } from '@nestjs/swagger';

export class MoneyResponse {
  @ApiProperty({
    description: 'In minor units of the currency, for example cents.',
    type: 'integer',
    minimum: 0,
    example: 2450,
  })
  amount!: number;

  @ApiProperty({ description: 'ISO 4217 code.', pattern: '^[A-Z]{3}$', example: 'EUR' })
  currency!: string;
}
