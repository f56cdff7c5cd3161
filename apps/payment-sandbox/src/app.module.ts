import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { HealthModule, loggingModule, type createLogger } from '@warren/observability';
import { Delivery } from './callbacks/delivery.ts';
import { Outcomes } from './callbacks/outcomes.ts';
import { SANDBOX_CONFIG, type SandboxConfig } from './config.ts';
import { Faults } from './faults.ts';
import { PaymentsController } from './http/payments.controller.ts';
import { ProblemFilter } from './http/problem.filter.ts';
import { SandboxController } from './http/sandbox.controller.ts';
import { StrictValidation } from './http/strict-validation.pipe.ts';
import { Payments } from './payments/payments.ts';
import { CallbackStore } from './storage/callback-store.ts';
import { Database } from './storage/database.ts';
import { IdempotencyKeys } from './storage/idempotency-keys.ts';
import { PaymentStore } from './storage/payment-store.ts';

@Module({})
export class AppModule {
  static on(
    config: SandboxConfig,
    logger: ReturnType<typeof createLogger>,
    database: Database,
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        loggingModule(logger),
        HealthModule.forRoot({
          dependencies: {
            useFactory: () => [
              {
                name: 'database',
                check() {
                  database.row('SELECT seq FROM payments LIMIT 1');
                  return { status: 'up' };
                },
              },
            ],
          },
        }),
      ],
      controllers: [PaymentsController, SandboxController],
      providers: [
        { provide: SANDBOX_CONFIG, useValue: config },
        { provide: Database, useValue: database },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useClass: StrictValidation },
        PaymentStore,
        IdempotencyKeys,
        CallbackStore,
        Faults,
        Delivery,
        Outcomes,
        Payments,
      ],
    };
  }
}
