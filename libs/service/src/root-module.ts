import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { MessagingModule, MessagingStatus, Outbox } from '@warren/messaging';
import { HealthModule, loggingModule, MetricsModule } from '@warren/observability';
import { DataSource } from 'typeorm';
import { SERVICE_CONFIG, type ServiceConfig } from './configuration/config.ts';
import type { EnvironmentSpecs } from './configuration/variable.ts';
import { topologyOf, type ServiceDefinition } from './define-service.ts';
import { ProblemFilter } from './http/problem.filter.ts';
import { consumerDependencies, databaseDependency, outboxDependencies } from './readiness/dependencies.ts';

/**
 * Shares of the time for a stop. Requests in hand come first, then their connections are cut; handlers in hand follow; the
 * rest is for closing connections.
 */
export const HTTP_SHARE_OF_STOP = 0.5;
const HANDLERS_SHARE_OF_STOP = 0.4;

const DAY_MS = 86_400_000;

export interface Foundation<Specs extends EnvironmentSpecs> {
  definition: ServiceDefinition<Specs>;
  config: ServiceConfig<Specs>;
  logger: Parameters<typeof loggingModule>[0];
  dataSource: DataSource;
}

/** What lies under the module of every service; configuration and data source can be injected everywhere. */
@Module({})
export class RootModule {
  static on<Specs extends EnvironmentSpecs>({
    definition,
    config,
    logger,
    dataSource,
  }: Foundation<Specs>): DynamicModule {
    const topology = topologyOf(definition, config);
    return {
      module: RootModule,
      global: true,
      imports: [
        loggingModule(logger),
        MessagingModule.forRoot({
          topology,
          brokerUrls: config.WARREN_AMQP_URL,
          dataSource,
          schemaBaseUrl: config.WARREN_SCHEMA_BASE_URL,
          shutdownTimeoutMs: config.WARREN_SHUTDOWN_SECONDS * 1000 * HANDLERS_SHARE_OF_STOP,
          work: {
            concurrency: config.WARREN_JOB_CONCURRENCY,
            leaseMs: config.WARREN_JOB_LEASE_SECONDS * 1000,
            retentionMs: config.WARREN_JOB_RETENTION_DAYS * DAY_MS,
          },
        }),
        MetricsModule.forRoot({ service: definition.name }),
        HealthModule.forRoot({
          dependencies: {
            inject: [MessagingStatus, Outbox],
            useFactory: (status: MessagingStatus, outbox: Outbox) => [
              databaseDependency(dataSource),
              ...(definition.readiness === 'consumers'
                ? consumerDependencies(topology, status)
                : outboxDependencies(outbox, status, config.WARREN_OUTBOX_LIMIT!)),
            ],
          },
        }),
        definition.module(config),
      ],
      providers: [
        { provide: SERVICE_CONFIG, useValue: config },
        { provide: DataSource, useValue: dataSource },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
      exports: [SERVICE_CONFIG, DataSource],
    };
  }
}
