import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { connectMessaging, createDataSource, currentFlow } from '@warren/messaging';
import { createLogger, NestLogger, Readiness, startMetrics } from '@warren/observability';
import type { DataSource } from 'typeorm';
import { ConfigurationError, readConfig, type ServiceConfig } from './configuration/config.ts';
import type { EnvironmentSpecs } from './configuration/variable.ts';
import type { BootLog } from './database/boot-log.ts';
import { migrate, waitForMigrations } from './database/migrate.ts';
import { waitForDatabase } from './database/wait-for-database.ts';
import { schemaOf, specsOf, type ServiceDefinition } from './define-service.ts';
import { closeUnusedConnections, createHttpAdapter } from './http/http-server.ts';
import { WaitingServer } from './http/waiting-server.ts';
import { HTTP_SHARE_OF_STOP, RootModule } from './root-module.ts';

export type ServiceLogger = ReturnType<typeof createLogger>;

/** A service that runs in this process. */
export interface RunningService<Specs extends EnvironmentSpecs = {}> {
  readonly app: NestFastifyApplication;
  readonly config: ServiceConfig<Specs>;
  /** Where it listens, as `http://127.0.0.1:7081`. */
  readonly url: string;
  /**
   * Stops it: no new requests, those in hand are answered, then no new deliveries, those in hand are settled, then the
   * connections are closed. May be called again; all calls wait for the same end.
   *
   * @throws StopTookTooLong after WARREN_SHUTDOWN_SECONDS. Nothing is lost by that: what was in hand is delivered again.
   */
  stop(): Promise<void>;
}

/** The deadline of a graceful stop has passed. */
export class StopTookTooLong extends Error {
  override readonly name = 'StopTookTooLong';
  constructor(seconds: number) {
    super(
      `the service did not stop within ${seconds} s (WARREN_SHUTDOWN_SECONDS); what was in hand will be delivered again`,
    );
  }
}

export interface StartOptions {
  /** Gives up waiting for the database. */
  signal?: AbortSignal;
  /** Default: one made from the configuration. */
  logger?: ServiceLogger;
}

export function loggerOf(service: string, config: ServiceConfig): ServiceLogger {
  return createLogger({
    service,
    level: config.WARREN_LOG_LEVEL,
    format: config.WARREN_LOG_FORMAT,
    context: () => currentFlow() ?? {},
  });
}

/** For the time before Nest's logger exists. */
export function bootLogOf(logger: ServiceLogger): BootLog {
  return { log: (message) => logger.info(message), warn: (message) => logger.warn(message) };
}

/**
 * Starts a service in this process: waits for its database, migrates, listens, and connects to the broker without waiting
 * for it.
 *
 * @param environment the variables, by name; the process' own are not looked at.
 * @throws ConfigurationError when a variable is missing or wrong.
 */
export async function startService<Specs extends EnvironmentSpecs>(
  definition: ServiceDefinition<Specs>,
  environment: Readonly<Record<string, string | undefined>>,
  { signal, logger: given }: StartOptions = {},
): Promise<RunningService<Specs>> {
  const config = readConfig(definition.name, specsOf(definition), environment) as ServiceConfig<Specs>;
  const logger = given ?? loggerOf(definition.name, config);
  // Meters measure only if they are taken after this.
  startMetrics(definition.name);
  const dataSource = await openDatabase(definition, config, logger, signal);
  let app: NestFastifyApplication | undefined;
  try {
    app = await NestFactory.create<NestFastifyApplication>(
      RootModule.on({ definition, config, logger, dataSource }),
      createHttpAdapter(definition.adapter?.(config) ?? {}),
      { bufferLogs: true, abortOnError: false },
    );
    app.useLogger(app.get(NestLogger));
    connectMessaging(app);
    await definition.configure?.(app, config);
    await listen(app, definition.name, config);
    await app.startAllMicroservices();
  } catch (error) {
    await app?.close();
    if (dataSource.isInitialized) await dataSource.destroy();
    throw error;
  }

  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://${reachable(config.WARREN_HTTP_HOST)}:${port}`;
  logger.info(`${definition.name} listens on ${url}`);

  const running = app;
  let stopped: Promise<void> | undefined;
  return {
    app: running,
    config,
    url,
    stop: () => (stopped ??= stopWithin(config.WARREN_SHUTDOWN_SECONDS, running, dataSource)),
  };
}

async function listen(app: NestFastifyApplication, service: string, config: ServiceConfig): Promise<void> {
  const { WARREN_HTTP_HOST: host, WARREN_HTTP_PORT: port } = config;
  try {
    await app.listen(port, host);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL' && code !== 'EACCES') throw error;
    const problem =
      code === 'EADDRINUSE' ? `${port} is taken on ${host}` : `${port} can not be had on ${host} (${code})`;
    throw new ConfigurationError(service, [{ variable: 'WARREN_HTTP_PORT', problem }]);
  }
}

/** Where to reach, from this machine, what listens on `host`. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

async function openDatabase<Specs extends EnvironmentSpecs>(
  definition: ServiceDefinition<Specs>,
  config: ServiceConfig<Specs>,
  logger: ServiceLogger,
  signal: AbortSignal | undefined,
): Promise<DataSource> {
  const waiting = new WaitingServer(config.WARREN_HTTP_HOST, config.WARREN_HTTP_PORT);
  const wait = {
    service: definition.name,
    log: bootLogOf(logger),
    onAway: () => waiting.start('the database is away'),
    ...(signal && { signal }),
  };
  const options = {
    url: config.WARREN_DATABASE_URL,
    schema: schemaOf(definition),
    migrations: definition.migrations,
  };
  const dataSource = createDataSource({
    ...options,
    entities: definition.entities,
    poolSize: config.WARREN_DATABASE_POOL_SIZE,
    applicationName: definition.name,
  });
  try {
    if (config.WARREN_MIGRATE) await migrate({ ...options, ...wait });
    await waitForDatabase(dataSource, wait);
    if (!config.WARREN_MIGRATE) {
      waiting.start('the database schema is not up to date');
      await waitForMigrations(dataSource, wait);
    }
    return dataSource;
  } catch (error) {
    if (dataSource.isInitialized) await dataSource.destroy();
    throw error;
  } finally {
    await waiting.stop();
  }
}

async function stopWithin(
  seconds: number,
  app: NestFastifyApplication,
  dataSource: DataSource,
): Promise<void> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = setTimeout(() => reject(new StopTookTooLong(seconds)), seconds * 1000);
  });
  try {
    await Promise.race([stopInOrder(seconds, app, dataSource), late]);
  } finally {
    clearTimeout(deadline);
  }
}

async function stopInOrder(
  seconds: number,
  app: NestFastifyApplication,
  dataSource: DataSource,
): Promise<void> {
  app.get(Readiness).beginStop();
  const server = app.getHttpServer();
  const cut = setTimeout(() => server.closeAllConnections(), seconds * 1000 * HTTP_SHARE_OF_STOP);
  // Closing a server ends the connections that are idle at that moment, not those that become idle later.
  const sweep = setInterval(() => {
    server.closeIdleConnections();
    closeUnusedConnections(server);
  }, 50);
  try {
    // Nest would call the destroy hooks first, while requests still need what they destroy.
    await app.getHttpAdapter().close();
    if (server.listening) await once(server, 'close');
  } finally {
    clearTimeout(cut);
    clearInterval(sweep);
  }
  await app.close();
  if (dataSource.isInitialized) await dataSource.destroy();
}
