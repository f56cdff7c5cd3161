import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import type { Topology } from '@warren/messaging';
import {
  defineService,
  type EnvironmentSpecs,
  type JobDefaults,
  type ServiceDefinition,
} from '@warren/service';

/** A service of a few parts, for tests of handlers by themselves. */
export interface ServiceParts {
  topology: Topology;
  /** Those with the handlers. */
  controllers?: NonNullable<ModuleMetadata['controllers']>;
  providers?: NonNullable<ModuleMetadata['providers']>;
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** Entities of TypeORM. Default: none. */
  entities?: ServiceDefinition['entities'];
  /** Default: none; the tables of the messaging library are there anyway. */
  migrations?: Function[];
  jobs?: JobDefaults;
}

@Module({})
class PartsModule {}

/** A definition as an app has one, made of parts where only those are given. */
export function definitionOf<Specs extends EnvironmentSpecs>(
  service: ServiceDefinition<Specs> | ServiceParts,
): ServiceDefinition {
  if ('module' in service) return service as unknown as ServiceDefinition;
  const {
    topology,
    controllers = [],
    providers = [],
    imports = [],
    entities = [],
    migrations = [],
  } = service;
  const module: DynamicModule = { module: PartsModule, controllers, providers, imports };
  return defineService({
    name: topology.service,
    description: 'A service of a test',
    defaultPort: 0,
    topology,
    entities,
    migrations,
    module: () => module,
    readiness: 'consumers',
    ...(service.jobs && { jobs: service.jobs }),
  });
}
