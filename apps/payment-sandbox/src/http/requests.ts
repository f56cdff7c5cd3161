import { Transform, Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { FaultSettings } from '../faults.ts';
import type { Outcome } from '../payments/payment.ts';

const MAX_PAGE = 100;

const fromDigits = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;

export class MoneyRequest {
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  amount!: number;

  @Matches(/^[A-Z]{3}$/)
  currency!: string;
}

class WithAmount {
  @IsObject()
  @ValidateNested()
  @Type(() => MoneyRequest)
  amount!: MoneyRequest;
}

export class NewPaymentRequest extends WithAmount {
  @IsUUID()
  reference!: string;

  @Matches(/^[\x21-\x7e]+$/, { message: 'token must be printable ASCII without spaces' })
  @MaxLength(255)
  token!: string;
}

export class RefundRequest extends WithAmount {}

export class PaymentsQuery {
  @IsOptional()
  @IsUUID()
  reference?: string;

  @Transform(fromDigits)
  @IsInt()
  @Min(1)
  @Max(MAX_PAGE)
  limit: number = 20;

  /** The place of the last payment of the page before. */
  @IsOptional()
  @Matches(/^[1-9]\d{0,14}$/, { message: 'cursor must be the nextCursor of an earlier page' })
  cursor?: string;
}

export class DecisionRequest {
  @IsIn(['approved', 'declined'])
  outcome!: Outcome;
}

export class FaultsRequest implements Partial<FaultSettings> {
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  failNextRequests?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  failNextRequestsAfterEffect?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(86_400_000)
  callbackDelayMs?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  callbackCopies?: number;

  @IsOptional()
  @IsBoolean()
  callbackBeforeAnswer?: boolean;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(1_000)
  reverseCallbacks?: number;
}
