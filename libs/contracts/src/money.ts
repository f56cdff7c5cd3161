import { IsInt, Matches, Max, Min } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';

/** An amount of money in minor units, so that no float ever touches it. */
export class Money {
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @JSONSchema({ description: 'Amount in minor units of the currency, for example cents.' })
  amount!: number;

  @Matches(/^[A-Z]{3}$/)
  @JSONSchema({ description: 'ISO 4217 code, for example EUR.' })
  currency!: string;
}
