export {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFormat,
  type LoggerOptions,
  type LogLevel,
} from './logging/create-logger.ts';
export { loggingModule, NestLogger } from './logging/logging.module.ts';
export { type Dependency, type DependencyState } from './health/dependency.ts';
export { HealthModule, type HealthModuleOptions } from './health/health.module.ts';
export { Readiness } from './health/readiness.ts';
export { createHttpMetrics, type FinishedRequest } from './metrics/http-metrics.ts';
export { MAX_SERIES_PER_INSTRUMENT, startMetrics, type ProcessMetrics } from './metrics/meter-provider.ts';
export { MetricsModule } from './metrics/metrics.module.ts';
