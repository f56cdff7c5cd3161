import { IsInt, Matches, Max, Min } from 'class-validator';
import { Describe } from './describe.ts';

/** An amount of money in minor units, so that no float ever touches it. */
export class Money {
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @Describe('Amount, for example in cents.', { unit: 'minor units of the currency' })
  amount!: number;

  @Matches(/^[A-Z]{3}$/u)
  @Describe('ISO 4217 code, for example EUR.')
  currency!: string;
}
