import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  connectMessaging,
  createDataSource,
  MessagingModule,
  Outbox,
  type Topology,
} from '@warren/messaging';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMAS } from './schemas.ts';

/** Where a service of the bench finds its servers. */
export interface Urls {
  amqpUrl: string;
  databaseUrl: string;
}

class Readings1764000000001 implements MigrationInterface {
  readonly name = 'Readings1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE readings (n bigserial PRIMARY KEY, sensor text NOT NULL, value integer NOT NULL)',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE readings');
  }
}

/** The data source of a service, in a schema of its name, with its tables. */
export async function openDataSource(databaseUrl: string, service: string): Promise<DataSource> {
  const schema = service.replaceAll('-', '_');
  const dataSource = createDataSource({
    url: databaseUrl,
    schema,
    entities: [],
    migrations: [Readings1764000000001],
  });
  await dataSource.initialize();
  await dataSource.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await dataSource.runMigrations();
  return dataSource;
}

export interface BenchService {
  dataSource: DataSource;
  outbox: Outbox;
  /** Starts to relay and to consume. */
  listen(): Promise<void>;
  close(): Promise<void>;
}

/** A service as its author writes it, up to the point where it would listen. */
export async function createService(
  topology: Topology,
  { amqpUrl, databaseUrl }: Urls,
  controllers: Type[] = [],
): Promise<BenchService> {
  const dataSource = await openDataSource(databaseUrl, topology.service);

  @Module({
    imports: [
      MessagingModule.forRoot({ topology, brokerUrls: [amqpUrl], dataSource, schemaBaseUrl: SCHEMAS }),
    ],
    controllers,
  })
  class ServiceModule {}

  const app = await NestFactory.create<NestFastifyApplication>(ServiceModule, new FastifyAdapter(), {
    logger: ['warn', 'error'],
  });
  connectMessaging(app);
  return {
    dataSource,
    outbox: app.get(Outbox),
    async listen() {
      await app.startAllMicroservices();
      await app.init();
    },
    async close() {
      await app.close();
      await dataSource.destroy();
    },
  };
}
