import { DataSource, type DataSourceOptions } from 'typeorm';
import { MessagingTables1764000000000 } from './messaging-tables.ts';
import { OutboxRouteIndexes1764000000200 } from './outbox-route-indexes.ts';
import { ScheduledWorkTables1764000000100 } from './scheduled-work-tables.ts';
import { ServiceClient } from './service-client.ts';

export interface ServiceDataSourceOptions {
  /** `postgres://user:password@host:port/database` */
  url: string;
  /** The service's own schema; it must exist and belong to the user. */
  schema: string;
  entities: NonNullable<DataSourceOptions['entities']>;
  /** Migrations of the service; those of this library come first. */
  migrations: Function[];
  /** Connections at most. Default 20. */
  poolSize?: number;
  /** Shown in `pg_stat_activity`. Default: the schema. */
  applicationName?: string;
}

/** How long one statement may take before it is taken for lost, in milliseconds. */
const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * The data source of a service: its schema alone on the search path, and a deadline on everything, since a frozen
 * server answers neither with a result nor with an error.
 */
export function createDataSource(options: ServiceDataSourceOptions): DataSource {
  if (!/^[a-z][a-z0-9_]*$/.test(options.schema)) {
    throw new TypeError(`schema "${options.schema}" must be lower case with underscores`);
  }
  return new DataSource({
    type: 'postgres',
    url: options.url,
    schema: options.schema,
    entities: options.entities,
    migrations: [
      MessagingTables1764000000000,
      ScheduledWorkTables1764000000100,
      OutboxRouteIndexes1764000000200,
      ...options.migrations,
    ],
    migrationsTransactionMode: 'each',
    applicationName: options.applicationName ?? options.schema,
    poolSize: options.poolSize ?? 20,
    connectTimeoutMS: 5_000,
    extra: {
      options: `-c search_path=${options.schema}`,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS + 5_000,
      idle_in_transaction_session_timeout: 120_000,
      keepAlive: true,
      Client: ServiceClient,
    },
  });
}
