import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createTestBroker, createTestDatabase, type TestBroker, type TestDatabase } from '@warren/testing';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { createDataSource } from '../database/data-source.ts';
import type { RelayOptions } from '../outbox/relay.ts';
import { connectMessaging } from '../messaging-server.ts';
import { MessagingStatus } from '../messaging-status.ts';
import { MessagingModule } from '../messaging.module.ts';
import { Outbox } from '../outbox/outbox.ts';
import { Requests } from '../requests/requests.ts';
import type { ScheduledWorkOptions } from '../schedule/scheduled-work.ts';
import type { Topology } from '../topology.ts';

/** A table for effects: a row for each time that a handler had one. */
export class Effects1764000000001 implements MigrationInterface {
  readonly name = 'Effects1764000000001';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE effects (n serial PRIMARY KEY, parcel_id text NOT NULL, step integer NOT NULL)',
    );
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE effects');
  }
}

export interface TestService {
  app: NestFastifyApplication;
  dataSource: DataSource;
  outbox: Outbox;
  requests: Requests;
  status: MessagingStatus;
  effects(): Promise<{ parcel_id: string; step: number }[]>;
  stop(): Promise<void>;
}

export interface TestServiceOptions {
  topology: Topology;
  controllers?: Type[];
  imports?: Type[];
  brokerUrl: string;
  databaseUrl: string;
  /** Default: the service's name with underscores. */
  schema?: string;
  relay?: RelayOptions;
  work?: ScheduledWorkOptions;
  shutdownTimeoutMs?: number;
}

/** Boots a service of its own in this process: real broker, real database, Nest around the handlers. */
export async function startTestService(options: TestServiceOptions): Promise<TestService> {
  const schema = options.schema ?? options.topology.service.replaceAll('-', '_');
  const dataSource = createDataSource({
    url: options.databaseUrl,
    schema,
    entities: [],
    migrations: [Effects1764000000001],
  });
  await dataSource.initialize();
  await dataSource.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await dataSource.runMigrations();

  @Module({
    imports: [
      ...(options.imports ?? []),
      MessagingModule.forRoot({
        topology: options.topology,
        brokerUrls: [options.brokerUrl],
        dataSource,
        schemaBaseUrl: 'http://schemas.example/',
        shutdownTimeoutMs: options.shutdownTimeoutMs ?? 5_000,
        ...(options.relay && { relay: options.relay }),
        ...(options.work && { work: options.work }),
      }),
    ],
    controllers: options.controllers ?? [],
  })
  class TestModule {}

  const app = await NestFactory.create<NestFastifyApplication>(TestModule, new FastifyAdapter(), {
    logger: false,
  });
  connectMessaging(app);
  const stop = async () => {
    await app.close();
    if (dataSource.isInitialized) await dataSource.destroy();
  };
  try {
    await app.startAllMicroservices();
    await app.init();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    app,
    dataSource,
    outbox: app.get(Outbox),
    requests: app.get(Requests),
    status: app.get(MessagingStatus),
    effects: () => dataSource.query('SELECT parcel_id, step FROM effects ORDER BY n'),
    stop,
  };
}

/** A broker, a database, and what was started on them; closed in the reverse order. */
export class TestBench {
  broker!: TestBroker;
  database!: TestDatabase;
  readonly #started: { stop(): Promise<void> }[] = [];

  async open(): Promise<void> {
    [this.broker, this.database] = await Promise.all([createTestBroker(), createTestDatabase()]);
  }

  async start(
    options: Omit<TestServiceOptions, 'brokerUrl' | 'databaseUrl'> & Partial<TestServiceOptions>,
  ): Promise<TestService> {
    const service = await startTestService({
      brokerUrl: this.broker.url,
      databaseUrl: this.database.url,
      ...options,
    });
    this.#started.push(service);
    return service;
  }

  /** Closed with the bench. */
  use<R extends { close(): Promise<void> }>(resource: R): R {
    this.#started.push({ stop: () => resource.close() });
    return resource;
  }

  async stopServices(): Promise<void> {
    for (const { stop } of this.#started.splice(0).reverse()) await stop();
  }

  async close(): Promise<void> {
    await this.stopServices();
    await Promise.all([this.broker.close(), this.database.close()]);
  }
}
