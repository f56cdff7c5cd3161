/**
 * Keeps a RabbitMQ and a PostgreSQL for tests running until it is stopped, for people who run tests again and
 * again: with the printed lines in the environment, Jest starts no servers of its own.
 *
 *     node tools/src/infrastructure/keep-test-servers.ts [directory]
 */
import { resolve } from 'node:path';
import { startTestServers } from './test-servers.ts';

const [directory] = process.argv.slice(2);
const servers = await startTestServers({
  ...(directory ? { directory: resolve(directory) } : {}),
  report: (message) => console.error(message),
});
for (const [name, value] of Object.entries(servers.environment)) console.log(`export ${name}='${value}'`);

const keepAlive = setInterval(() => undefined, 60_000);
let stopping: Promise<void> | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopping ??= servers.stop().finally(() => clearInterval(keepAlive));
  });
}
