import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCAL_DIRECTORY } from '../config.ts';
import { removePostgres } from '../infrastructure/postgres.ts';
import { removeRabbitMq } from '../infrastructure/rabbitmq.ts';
import { runningStart } from '../system/local-lock.ts';

/** `npm run reset`: wipes what `npm start` keeps. What other programs use stays: unpacked servers, running tests. */

/** `discarded` holds what was taken out of dead-letter queues, also those of other systems: it is nowhere else. */
const KEPT = ['test', 'cache', 'discarded'];

const running = await runningStart();
if (running !== undefined) {
  console.error(`Warren is running, as process ${running}. Stop it first (Ctrl-C), then reset.`);
  process.exit(1);
}
await removeRabbitMq(join(LOCAL_DIRECTORY, 'rabbitmq'));
await removePostgres(join(LOCAL_DIRECTORY, 'postgres'));
for (const name of await readdir(LOCAL_DIRECTORY).catch(() => [])) {
  if (!KEPT.includes(name)) await rm(join(LOCAL_DIRECTORY, name), { recursive: true, force: true });
}
console.log('The local data is wiped: databases, queues, payments, mails, files, logs and passwords.');
