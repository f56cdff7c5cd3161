import { Logger, type DynamicModule } from '@nestjs/common';
import { MessagingRuntime, type MessagingOptions } from './messaging-runtime.ts';
import { MessagingServer } from './messaging-server.ts';
import { MessagingStatus } from './messaging-status.ts';
import { Outbox } from './outbox/outbox.ts';
import { Requests } from './requests/requests.ts';

/**
 * Makes {@link Outbox}, {@link Requests} and {@link MessagingStatus} injectable everywhere in a service.
 *
 * Handlers are served after `connectMessaging(app)` and `app.startAllMicroservices()`.
 */
export class MessagingModule {
  static forRoot(options: MessagingOptions): DynamicModule {
    const runtime = {
      provide: MessagingRuntime,
      useFactory: () => new MessagingRuntime(options, new Logger('Messaging')),
    };
    const inject = [MessagingRuntime];
    return {
      module: MessagingModule,
      global: true,
      providers: [
        runtime,
        { provide: Outbox, inject, useFactory: ({ outbox }: MessagingRuntime) => outbox },
        { provide: Requests, inject, useFactory: ({ requests }: MessagingRuntime) => requests },
        {
          provide: MessagingStatus,
          inject,
          useFactory: (source: MessagingRuntime) => new MessagingStatus(source),
        },
        {
          provide: MessagingServer,
          inject,
          useFactory: (source: MessagingRuntime) => new MessagingServer(source),
        },
      ],
      exports: [Outbox, Requests, MessagingStatus, MessagingServer],
    };
  }
}
