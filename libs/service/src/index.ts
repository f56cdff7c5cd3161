export {
  ConfigurationError,
  SERVICE_CONFIG,
  type JobDefaults,
  type ServiceConfig,
} from './configuration/config.ts';
export { integer, oneOf, urlOf, urlsOf, type EnvironmentSpecs } from './configuration/variable.ts';
export { defineService, schemaOf, type HttpServerOptions, type ServiceDefinition } from './define-service.ts';
export { runService } from './run-service.ts';
export { startService, StopTookTooLong, type RunningService, type StartOptions } from './start-service.ts';
