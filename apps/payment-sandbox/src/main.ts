import 'reflect-metadata';
import { once } from 'node:events';
import { createLogger } from '@warren/observability';
import { ConfigurationError, NAME, readConfig, usage } from './config.ts';
import { startSandbox } from './start-sandbox.ts';

/** The last two as in https://man.freebsd.org/cgi/man.cgi?sysexits */
const EXIT = { stopped: 0, failed: 1, usage: 64, configuration: 78 };

const [command = 'serve', ...rest] = process.argv.slice(2);
if (['--help', '-h', 'help'].includes(command)) {
  process.stdout.write(usage());
} else if (command !== 'serve' || rest.length > 0) {
  process.stderr.write(
    `${NAME}: unknown command "${[command, ...rest].join(' ')}"; --help shows what there is\n`,
  );
  process.exitCode = EXIT.usage;
} else {
  await serve();
}

async function serve(): Promise<void> {
  let logger: ReturnType<typeof createLogger> | undefined;
  const fail = (error: unknown, what: string): never => {
    if (error instanceof ConfigurationError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(EXIT.configuration);
    }
    if (logger) logger.fatal({ err: error }, what);
    else process.stderr.write(`${NAME}: ${what}: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(EXIT.failed);
  };
  // After these nobody knows what state is left; a new process starts from what is committed.
  process.on('uncaughtException', (error) => fail(error, 'an exception was not caught'));
  process.on('unhandledRejection', (error) => fail(error, 'a rejected promise was not handled'));

  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort(signal));

  try {
    const config = readConfig();
    logger = createLogger({
      service: NAME,
      level: config.WARREN_LOG_LEVEL,
      format: config.WARREN_LOG_FORMAT,
    });
    const sandbox = await startSandbox(config, logger);
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
    logger.info(`${stop.signal.reason}: stopping`);
    await sandbox.stop();
    logger.info('stopped');
  } catch (error) {
    fail(error, 'serve failed');
  }
  process.exit(EXIT.stopped);
}
