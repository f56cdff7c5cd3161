import { Controller, Module } from '@nestjs/common';
import { ListProductsV1, ProductListV1, type Product } from '@warren/contracts';
import { AnswerRequest, defineTopology } from '@warren/messaging';
import { defineService, startService, type RunningService } from '@warren/service';
import type { GatewayUnderTest } from './gateway-under-test.ts';

export const CATALOGUE: Product[] = [
  { sku: 'SKU-TEAPOT', name: 'Teapot', unitPrice: { amount: 2450, currency: 'EUR' }, available: 9998 },
];

@Controller()
class Catalogue {
  @AnswerRequest(ListProductsV1)
  async answer(_request: ListProductsV1): Promise<ProductListV1> {
    return { items: CATALOGUE };
  }
}

@Module({ controllers: [Catalogue] })
class StandInModule {}

const standIn = defineService({
  name: 'order-service',
  description: 'Owns the exchanges of orders and answers requests, and decides nothing',
  defaultPort: 7081,
  topology: defineTopology({
    service: 'order-service',
    exchanges: ['orders.commands', 'orders.events'],
    answers: [{ queue: 'queries', handles: [ListProductsV1] }],
  }),
  entities: [],
  migrations: [],
  module: () => StandInModule,
  readiness: 'consumers',
});

/** What the gateway meets on the broker where order-service would be. Apps don't import apps, also not in tests. */
export function startOrderServiceStandIn(gateway: GatewayUnderTest): Promise<RunningService> {
  return startService(standIn, {
    WARREN_DATABASE_URL: gateway.database.url,
    WARREN_AMQP_URL: gateway.broker.url,
    WARREN_HTTP_PORT: '0',
    WARREN_LOG_LEVEL: 'fatal',
  }) as Promise<RunningService>;
}
