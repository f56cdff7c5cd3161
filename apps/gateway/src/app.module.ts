import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLocalObjectStore } from '@warren/object-storage';
import { defineService } from '@warren/service';
import { AcceptUpload } from './commands/accept-upload.ts';
import { CancelOrder } from './commands/cancel-order.ts';
import { OpenSession } from './commands/open-session.ts';
import { PlaceOrder } from './commands/place-order.ts';
import { RecordPayment } from './commands/record-payment.ts';
import { RegisterUser } from './commands/register-user.ts';
import { environment, type GatewayConfig } from './config.ts';
import { AccessTokens } from './credentials/access-tokens.ts';
import { SigningKeys } from './credentials/signing-keys.ts';
import { FileViewHandlers } from './handlers/file-view.ts';
import { OrderViewHandlers } from './handlers/order-view.ts';
import { Housekeeping } from './housekeeping.ts';
import { EventReferenceController } from './http/event-reference.controller.ts';
import { EventStreams } from './http/event-streams.ts';
import { FileContent } from './http/file-content.ts';
import { FilesController } from './http/files.controller.ts';
import { httpServerOptions, prepareHttpServer } from './http/http-server.ts';
import { KnownRoutes } from './http/known-routes.ts';
import { serveReference } from './http/openapi.ts';
import { OrdersController } from './http/orders.controller.ts';
import { PaymentCallbacksController } from './http/payment-callbacks.controller.ts';
import { ProblemFilter } from './http/problem.filter.ts';
import { ProductsController } from './http/products.controller.ts';
import { ReferenceController } from './http/reference.controller.ts';
import { SessionsController } from './http/sessions.controller.ts';
import { StrictValidation } from './http/strict-validation.pipe.ts';
import { UsersController } from './http/users.controller.ts';
import { LiveUpdates } from './live/live-updates.ts';
import { ViewNews } from './live/view-news.ts';
import { AccountsViewsAndUploads1767225600000 } from './migrations/1767225600000-accounts-views-and-uploads.ts';
import { PaymentsAndCancellations1795478400000 } from './migrations/1795478400000-payments-and-cancellations.ts';
import { SignInLimits1795564800000 } from './migrations/1795564800000-sign-in-limits.ts';
import { SigningKeyTimes1795651200000 } from './migrations/1795651200000-signing-key-times.ts';
import { FindAccount } from './queries/find-account.ts';
import { ListProducts } from './queries/list-products.ts';
import { ViewFiles } from './queries/view-files.ts';
import { ViewOrders } from './queries/view-orders.ts';
import { Account } from './storage/account.entity.ts';
import { PendingUpload } from './storage/pending-upload.entity.ts';
import { SignInLimits } from './storage/sign-in-limits.ts';
import { OBJECT_STORE, UnfinishedUploads } from './storage/unfinished-uploads.ts';
import { topology } from './topology.ts';

@Module({})
class GatewayModule {
  static configuredBy(config: GatewayConfig): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [
        UsersController,
        SessionsController,
        ProductsController,
        OrdersController,
        PaymentCallbacksController,
        FilesController,
        ReferenceController,
        EventReferenceController,
        OrderViewHandlers,
        FileViewHandlers,
      ],
      providers: [
        RegisterUser,
        OpenSession,
        PlaceOrder,
        CancelOrder,
        RecordPayment,
        AcceptUpload,
        FindAccount,
        ListProducts,
        ViewOrders,
        ViewFiles,
        SigningKeys,
        AccessTokens,
        SignInLimits,
        UnfinishedUploads,
        Housekeeping,
        FileContent,
        ViewNews,
        LiveUpdates,
        EventStreams,
        KnownRoutes,
        { provide: OBJECT_STORE, useValue: createLocalObjectStore(config.WARREN_FILES_DIRECTORY) },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useClass: StrictValidation },
      ],
    };
  }
}

export const gateway = defineService({
  name: 'gateway',
  description: 'The REST door: accounts, orders, uploads, and views of what becomes of them',
  defaultPort: 7080,
  topology,
  entities: [Account, PendingUpload],
  migrations: [
    AccountsViewsAndUploads1767225600000,
    PaymentsAndCancellations1795478400000,
    SignInLimits1795564800000,
    SigningKeyTimes1795651200000,
  ],
  environment,
  module: (config) => GatewayModule.configuredBy(config),
  readiness: 'outbox',
  adapter: (config) => httpServerOptions(config),
  configure: async (app: NestFastifyApplication) => {
    await prepareHttpServer(app);
    serveReference(app);
  },
});
