import type { DynamicModule, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Topology } from '@warren/messaging';
import type { FastifyServerOptions } from 'fastify';
import type { DataSourceOptions } from 'typeorm';
import { commonSpecs, outboxSpecs, type JobDefaults, type ServiceConfig } from './configuration/config.ts';
import type { EnvironmentSpecs } from './configuration/variable.ts';

/** Options of the Fastify server, https://fastify.dev/docs/latest/Reference/Server/ */
export type HttpServerOptions = Omit<FastifyServerOptions, 'logger' | 'loggerInstance'>;

export interface ServiceDefinition<Specs extends EnvironmentSpecs = {}> {
  /** In lower case with hyphens. The database schema has the same name with underscores. */
  name: string;
  /** What the service does, in one line. */
  description: string;
  /** Port unless WARREN_HTTP_PORT says otherwise. */
  defaultPort: number;
  /** Made from the configuration where an operator decides on numbers in it, such as a queue's concurrency. */
  topology: Topology | ((config: ServiceConfig<Specs>) => Topology);
  entities: NonNullable<DataSourceOptions['entities']>;
  /** In the order of their timestamps; those of the messaging library come first. */
  migrations: Function[];
  /** What its background jobs and recurring jobs need, unless the environment says otherwise. */
  jobs?: JobDefaults;
  /** Variables beyond the common ones. */
  environment?: Specs;
  module: (config: ServiceConfig<Specs>) => Type | DynamicModule;
  /**
   * What readiness asks for beside the database. `consumers`: every queue is being consumed. `outbox`: there is room for
   * work that waits for the broker; a broker that is away makes the service degraded, not unready.
   */
  readiness: 'consumers' | 'outbox';
  /** Options of the HTTP server, over the library's own. */
  adapter?: (config: ServiceConfig<Specs>) => HttpServerOptions;
  /** Called before the application is initialised: plugins, filters, documentation. */
  configure?: (app: NestFastifyApplication, config: ServiceConfig<Specs>) => void | Promise<void>;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/**
 * Describes a service. Nothing is started: that is done by `runService` in its `main.ts` and by `startService` in tests.
 *
 * @throws TypeError when the name or the variables can't work.
 */
export function defineService<Specs extends EnvironmentSpecs = {}>(
  definition: ServiceDefinition<Specs>,
): ServiceDefinition<Specs> {
  if (!NAME.test(definition.name)) {
    throw new TypeError(
      `service "${definition.name}" must be named in lower case with hyphens, as order-service`,
    );
  }
  if (typeof definition.topology === 'object') assertTopologyOf(definition.name, definition.topology);
  const common = { ...commonSpecs(definition.defaultPort), ...outboxSpecs() };
  const taken = Object.keys(definition.environment ?? {}).filter((variable) => variable in common);
  if (taken.length > 0) {
    throw new TypeError(
      `service "${definition.name}" describes ${taken.join(', ')}, which every service has already`,
    );
  }
  return definition;
}

/** @throws TypeError when the topology is that of another service. */
export function topologyOf<Specs extends EnvironmentSpecs>(
  { name, topology: given }: ServiceDefinition<Specs>,
  config: ServiceConfig<Specs>,
): Topology {
  const topology = typeof given === 'function' ? given(config) : given;
  assertTopologyOf(name, topology);
  return topology;
}

function assertTopologyOf(name: string, topology: Topology): void {
  if (topology.service !== name) {
    throw new TypeError(
      `service "${name}" has the topology of "${topology.service}": give both the same name`,
    );
  }
}

/** Every variable that the service reads. */
export function specsOf<Specs extends EnvironmentSpecs>(
  definition: ServiceDefinition<Specs>,
): EnvironmentSpecs {
  return {
    ...commonSpecs(definition.defaultPort, definition.jobs),
    ...(definition.readiness === 'outbox' && outboxSpecs()),
    ...definition.environment,
  };
}

/** The schema that holds the service's tables. */
export function schemaOf({ name }: { name: string }): string {
  return name.replaceAll('-', '_');
}
