import { once } from 'node:events';
import { applyTopology } from '@warren/messaging';
import {
  ConfigurationError,
  processEnvironment,
  readConfig,
  type ServiceConfig,
} from './configuration/config.ts';
import { usage } from './configuration/usage.ts';
import type { EnvironmentSpecs } from './configuration/variable.ts';
import { migrate } from './database/migrate.ts';
import { schemaOf, specsOf, topologyOf, type ServiceDefinition } from './define-service.ts';
import { bootLogOf, loggerOf, startService, type ServiceLogger } from './start-service.ts';

/** The last two as in https://man.freebsd.org/cgi/man.cgi?sysexits */
const EXIT = { stopped: 0, failed: 1, usage: 64, configuration: 78 };

/**
 * The main of a service: reads the command line and the environment, runs the command, and ends the process with an exit
 * code that says how it went. SIGTERM and SIGINT stop it gracefully.
 */
export async function runService<Specs extends EnvironmentSpecs>(
  definition: ServiceDefinition<Specs>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const [command = 'serve', ...rest] = args;
  if (['--help', '-h', 'help'].includes(command)) {
    process.stdout.write(
      usage({ name: definition.name, description: definition.description, specs: specsOf(definition) }),
    );
    return;
  }
  if (!['serve', 'migrate', 'declare'].includes(command) || rest.length > 0) {
    process.stderr.write(
      `${definition.name}: unknown command "${args.join(' ')}"; --help shows what there is\n`,
    );
    process.exit(EXIT.usage);
  }

  let logger: ServiceLogger | undefined;
  const fail = (error: unknown, what: string): never => {
    if (error instanceof ConfigurationError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(EXIT.configuration);
    }
    if (logger) logger.fatal({ err: error }, what);
    else
      process.stderr.write(
        `${definition.name}: ${what}: ${error instanceof Error ? error.stack : String(error)}\n`,
      );
    process.exit(EXIT.failed);
  };
  // After these nobody knows what state is left; a new process starts from what is committed.
  process.on('uncaughtException', (error) => fail(error, 'an exception was not caught'));
  process.on('unhandledRejection', (error) => fail(error, 'a rejected promise was not handled'));

  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (!stop.signal.aborted) logger?.info(`${signal}: stopping`);
      stop.abort();
    });
  }

  try {
    const config = readConfig(
      definition.name,
      specsOf(definition),
      processEnvironment(),
    ) as ServiceConfig<Specs>;
    logger = loggerOf(definition.name, config);
    if (command === 'migrate') await migrateOnly(definition, config, logger, stop.signal);
    else if (command === 'declare') await declareOnly(definition, config, logger);
    else await serve(definition, logger, stop.signal);
  } catch (error) {
    if ((error as Error).name !== 'AbortError') fail(error, `${command} failed`);
  }
  process.exit(EXIT.stopped);
}

async function serve<Specs extends EnvironmentSpecs>(
  definition: ServiceDefinition<Specs>,
  logger: ServiceLogger,
  stop: AbortSignal,
): Promise<void> {
  const service = await startService(definition, processEnvironment(), { signal: stop, logger });
  if (!stop.aborted) await once(stop, 'abort');
  await service.stop();
  logger.info('stopped');
}

async function migrateOnly<Specs extends EnvironmentSpecs>(
  definition: ServiceDefinition<Specs>,
  config: ServiceConfig<Specs>,
  logger: ServiceLogger,
  signal: AbortSignal,
): Promise<void> {
  const schema = schemaOf(definition);
  const done = await migrate({
    service: definition.name,
    url: config.WARREN_DATABASE_URL,
    schema,
    migrations: definition.migrations,
    log: bootLogOf(logger),
    signal,
  });
  logger.info(done.length === 0 ? `${schema} is up to date` : `${schema}: ${done.length} migrations run`);
}

/**
 * A step of the deployment, run for every service before any is started: an event that is published before a queue
 * is bound does not come to it later.
 */
async function declareOnly<Specs extends EnvironmentSpecs>(
  definition: ServiceDefinition<Specs>,
  config: ServiceConfig<Specs>,
  logger: ServiceLogger,
): Promise<void> {
  await applyTopology({
    topology: topologyOf(definition, config),
    brokerUrls: config.WARREN_AMQP_URL,
    logger: bootLogOf(logger),
  });
  logger.info('every queue is declared and bound');
}
