import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, UseGuards } from '@nestjs/common';
import { Faults, type FaultSettings } from '../faults.ts';
import type { PaymentState } from '../payments/payment.ts';
import { Payments } from '../payments/payments.ts';
import { ApiKeyGuard } from './api-key.guard.ts';
import { DecisionRequest, FaultsRequest } from './requests.ts';

/** What no provider of payments has: decisions by hand, and faults on demand. */
@Controller('sandbox')
@UseGuards(ApiKeyGuard)
export class SandboxController {
  constructor(
    private readonly payments: Payments,
    private readonly faults: Faults,
  ) {}

  @Post('payments/:id/decision')
  @HttpCode(200)
  decide(@Param('id') id: string, @Body() { outcome }: DecisionRequest): PaymentState {
    return this.payments.decide(id, outcome);
  }

  @Get('faults')
  readFaults(): FaultSettings {
    return this.faults.settings;
  }

  @Put('faults')
  setFaults(@Body() settings: FaultsRequest): FaultSettings {
    this.faults.set({ ...settings });
    return this.faults.settings;
  }

  @Delete('faults')
  clearFaults(): FaultSettings {
    this.faults.set({});
    return this.faults.settings;
  }
}
