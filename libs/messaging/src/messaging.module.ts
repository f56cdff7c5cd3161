import { Logger, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { Deliveries } from './delivery/deliveries.ts';
import { MessagingRuntime, type MessagingOptions } from './messaging-runtime.ts';
import { MessagingServer } from './messaging-server.ts';
import { MessagingStatus } from './messaging-status.ts';
import { Outbox } from './outbox/outbox.ts';
import { Requests } from './requests/requests.ts';
import { Jobs } from './schedule/jobs.ts';
import { RecurringJobs } from './schedule/recurring-jobs.ts';
import { Schedule } from './schedule/schedule.ts';
import { WorkDiscovery } from './schedule/work-discovery.ts';

/**
 * Makes {@link Outbox}, {@link Requests}, {@link Schedule}, {@link Jobs}, {@link RecurringJobs},
 * {@link Deliveries} and {@link MessagingStatus} injectable everywhere in a service.
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
      imports: [DiscoveryModule],
      providers: [
        runtime,
        { provide: Outbox, inject, useFactory: ({ outbox }: MessagingRuntime) => outbox },
        { provide: Deliveries, inject, useFactory: ({ deliveries }: MessagingRuntime) => deliveries },
        { provide: Requests, inject, useFactory: ({ requests }: MessagingRuntime) => requests },
        { provide: Schedule, inject, useFactory: ({ work }: MessagingRuntime) => work.schedule },
        { provide: Jobs, inject, useFactory: ({ work }: MessagingRuntime) => work.jobs },
        { provide: RecurringJobs, inject, useFactory: ({ work }: MessagingRuntime) => work.recurring },
        {
          provide: WorkDiscovery,
          inject: [DiscoveryService, Jobs],
          useFactory: (discovery: DiscoveryService, jobs: Jobs) => new WorkDiscovery(discovery, jobs),
        },
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
      exports: [
        Outbox,
        Deliveries,
        Requests,
        Schedule,
        Jobs,
        RecurringJobs,
        MessagingStatus,
        MessagingServer,
      ],
    };
  }
}
