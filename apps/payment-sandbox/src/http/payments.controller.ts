import { Body, Controller, Get, Param, Post, Query, UseGuards, UseInterceptors } from '@nestjs/common';
import type { Payment, PaymentState, Refund } from '../payments/payment.ts';
import { Payments } from '../payments/payments.ts';
import { PaymentStore } from '../storage/payment-store.ts';
import { ApiKeyGuard } from './api-key.guard.ts';
import { Failing } from './failing.interceptor.ts';
import { IdempotencyKey } from './idempotency-key.ts';
import { NewPaymentRequest, PaymentsQuery, RefundRequest } from './requests.ts';

interface Page {
  items: PaymentState[];
  /** Null on the last page. */
  nextCursor: string | null;
}

/** What a shop calls: docs/payment-provider.md */
@Controller('v1/payments')
@UseGuards(ApiKeyGuard)
@UseInterceptors(Failing)
export class PaymentsController {
  constructor(
    private readonly payments: Payments,
    private readonly store: PaymentStore,
  ) {}

  @Post()
  create(@IdempotencyKey() key: string, @Body() payment: NewPaymentRequest): Promise<Payment> {
    return this.payments.create(key, payment);
  }

  @Post(':id/refunds')
  refund(@IdempotencyKey() key: string, @Param('id') id: string, @Body() { amount }: RefundRequest): Refund {
    return this.payments.refund(key, id, amount);
  }

  @Get(':id')
  get(@Param('id') id: string): PaymentState {
    return this.payments.get(id);
  }

  @Get()
  list(@Query() { reference, limit, cursor }: PaymentsQuery): Page {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    const found =
      reference === undefined
        ? this.store.list(limit + 1, before)
        : this.store.listOf(reference, limit + 1, before);
    const page = found.slice(0, limit);
    return {
      items: page.map(({ place: _, ...payment }) => payment),
      nextCursor: found.length > limit ? String(page.at(-1)!.place) : null,
    };
  }
}
