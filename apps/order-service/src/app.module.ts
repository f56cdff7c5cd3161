import { Module, type DynamicModule } from '@nestjs/common';
import { parseDuration } from '@warren/messaging';
import { defineService, type ServiceConfig } from '@warren/service';
import { CancelOrder } from './commands/cancel-order.ts';
import { ExpireOrder } from './commands/expire-order.ts';
import { PlaceOrder } from './commands/place-order.ts';
import { RecordPayment } from './commands/record-payment.ts';
import { RefundPayment } from './commands/refund-payment.ts';
import { RemoveTombstones } from './commands/remove-tombstones.ts';
import { DEFAULT_PAYMENT_TOKEN, RequestPayment } from './commands/request-payment.ts';
import { environment } from './config.ts';
import { CatalogueAndOrders1767225600000 } from './migrations/1767225600000-catalogue-and-orders.ts';
import { SeedCatalogue1767225600001 } from './migrations/1767225600001-seed-catalogue.ts';
import { OrderProcess1795478400000 } from './migrations/1795478400000-order-process.ts';
import { OrdersChangeInPlace1795478400100 } from './migrations/1795478400100-orders-change-in-place.ts';
import { HttpPaymentProvider } from './payments/http-payment-provider.ts';
import { PAYMENT_PROVIDER } from './payments/payment-provider.ts';
import { OrderProgress, STEP_DEADLINE_MS } from './process/order-progress.ts';
import { ListProducts } from './queries/list-products.ts';
import { CONCURRENT_CALLS, topology } from './topology.ts';

/** What the sandbox takes as a means of payment that works. */
const SANDBOX_TOKEN = 'tok_ok';

@Module({})
class OrderServiceModule {
  static configuredBy(config: ServiceConfig<typeof environment>): DynamicModule {
    const provider = new HttpPaymentProvider({
      url: config.WARREN_PAYMENT_URL,
      apiKey: config.WARREN_PAYMENT_API_KEY,
      timeoutMs: config.WARREN_PAYMENT_TIMEOUT_MS,
      connections: CONCURRENT_CALLS,
    });
    const isSandbox = config.WARREN_PAYMENT_PROVIDER === 'sandbox';
    return {
      module: OrderServiceModule,
      controllers: [
        PlaceOrder,
        CancelOrder,
        RequestPayment,
        RecordPayment,
        ExpireOrder,
        RefundPayment,
        RemoveTombstones,
        ListProducts,
      ],
      providers: [
        OrderProgress,
        { provide: PAYMENT_PROVIDER, useValue: provider },
        { provide: STEP_DEADLINE_MS, useValue: parseDuration(config.WARREN_PAYMENT_DEADLINE) },
        { provide: DEFAULT_PAYMENT_TOKEN, useValue: isSandbox ? SANDBOX_TOKEN : undefined },
      ],
    };
  }
}

// A payment provider that is away doesn't make the service unready: orders still have to be placed, and restarting or
// replacing the process would mend nothing. Requests wait in their queue, and orders are cancelled at their deadline.
export const orderService = defineService({
  name: 'order-service',
  description: 'Catalogue, stock and orders',
  defaultPort: 7081,
  topology,
  entities: [],
  migrations: [
    CatalogueAndOrders1767225600000,
    SeedCatalogue1767225600001,
    OrderProcess1795478400000,
    OrdersChangeInPlace1795478400100,
  ],
  environment,
  module: (config) => OrderServiceModule.configuredBy(config),
  readiness: 'consumers',
});
