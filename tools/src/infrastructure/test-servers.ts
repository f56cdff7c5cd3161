import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, givenTestServers, LOCAL_DIRECTORY, type TestServerVariable } from '../config.ts';
import { isAlive } from '../processes/process-control.ts';
import type { Report } from '../processes/report.ts';
import { removePostgres, startPostgres } from './postgres.ts';
import { removeRabbitMq, startRabbitMq } from './rabbitmq.ts';

export interface TestServers {
  /** For the environment of whoever runs tests. */
  environment: Record<TestServerVariable, string>;
  /** Stops what was started, and nothing else, and removes its data. */
  stop(): Promise<void>;
}

const TEST_DIRECTORY = join(LOCAL_DIRECTORY, 'test');

/**
 * A RabbitMQ and a PostgreSQL for tests, on free ports and with data of their own, so that runs beside each
 * other, and beside a running `npm start`, do not meet. Servers named in the environment are used instead.
 *
 * @param directory default: a new one under .warren/test.
 */
export async function startTestServers(
  options: { directory?: string; report?: Report } = {},
): Promise<TestServers> {
  const given = givenTestServers();
  await sweepTestDirectories();
  const directory =
    options.directory ?? join(TEST_DIRECTORY, `${process.pid}-${randomBytes(4).toString('hex')}`);
  const rabbitDirectory = join(directory, 'rabbitmq');
  const postgresDirectory = join(directory, 'postgres');
  const { report = () => undefined } = options;
  await mkdir(directory, { recursive: true });

  const starts = await Promise.allSettled([
    given.WARREN_TEST_AMQP_URL
      ? undefined
      : startRabbitMq({ directory: rabbitDirectory, cacheDirectory: cacheDirectory(), report }),
    given.WARREN_TEST_DATABASE_URL
      ? undefined
      : startPostgres({ directory: postgresDirectory, fsync: false, report }),
  ]);
  const [rabbit, postgres] = starts.map((start) =>
    start.status === 'fulfilled' ? start.value : undefined,
  ) as [
    Awaited<ReturnType<typeof startRabbitMq>> | undefined,
    Awaited<ReturnType<typeof startPostgres>> | undefined,
  ];
  const stop = async () => {
    // The data is thrown away, so the node need not take the seconds that it takes to stop in order.
    rabbit?.kill('SIGKILL');
    await Promise.all([rabbit?.exited, postgres?.stop()]);
    await removeTestDirectory(directory);
  };
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const environment = {
    WARREN_TEST_AMQP_URL: rabbit?.amqpUrl,
    WARREN_TEST_AMQP_MANAGEMENT_URL: rabbit?.managementUrl,
    WARREN_TEST_DATABASE_URL: postgres?.url,
    ...given,
  } as Record<TestServerVariable, string>;
  return { environment, stop };
}

/** Cleans up after runs that were killed. Their servers went with them, or go now. */
async function sweepTestDirectories(): Promise<void> {
  for (const name of await readdir(TEST_DIRECTORY).catch(() => [])) {
    const pid = Number.parseInt(name, 10);
    if (Number.isInteger(pid) && !isAlive(pid)) await removeTestDirectory(join(TEST_DIRECTORY, name));
  }
}

async function removeTestDirectory(directory: string): Promise<void> {
  await removeRabbitMq(join(directory, 'rabbitmq'));
  await removePostgres(join(directory, 'postgres'));
  await rm(directory, { recursive: true, force: true });
}
