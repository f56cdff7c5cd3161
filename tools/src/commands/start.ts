import { join } from 'node:path';
import { givenServers, LOCAL_DIRECTORY, ROOT } from '../config.ts';
import { startInfrastructure, type Infrastructure } from '../infrastructure/infrastructure.ts';
import { stopAllProcesses } from '../processes/managed-process.ts';
import { passwordsIn } from '../provision/passwords.ts';
import { readEndpoints, removeEndpoints, writeEndpoints, type Endpoints } from '../system/endpoints.ts';
import { claimStart } from '../system/local-lock.ts';
import { startSystem, USUAL_PORTS, type System } from '../system/start-system.ts';
import { build } from './build.ts';
import { Console, paint } from './console.ts';
import { onStopSignals } from './stop-signals.ts';

/** `npm start`: the whole system, in this terminal, until Ctrl-C. */

const startedAt = performance.now();
const other = await claimStart();
if (other !== undefined) {
  const endpoints = await readEndpoints();
  console.error(`Warren is running already, as process ${other}.`);
  if (endpoints) console.error(placesOf(endpoints));
  process.exit(1);
}

const out = new Console(join(LOCAL_DIRECTORY, 'logs'));
let isForced = false;
const tell = (message: string) => {
  if (!isForced) out.line('warren', message);
};
let infrastructure: Infrastructure | undefined;
let system: System | undefined;
let isStopping = false;
let isReady = false;

onStopSignals(
  (signal) => {
    isStopping = true;
    out.print('');
    out.report(`${signal}: stopping. Once more stops at once.`);
    void stopEverything().then(
      () => {
        out.report('Stopped');
        process.exit(isReady ? 0 : 130);
      },
      (error: unknown) => {
        out.report(`Stopping failed: ${(error as Error).message}`);
        process.exit(1);
      },
    );
  },
  () => {
    isForced = true;
    out.report('Stopping at once');
    void stopAllProcesses('at once').finally(() => process.exit(130));
  },
);

try {
  await start();
} catch (error) {
  // What was on its way when the stop began has a right to fail.
  if (!isStopping) {
    out.report((error as Error).message);
    await stopEverything();
    process.exit(1);
  }
}

async function start(): Promise<void> {
  await removeEndpoints(); // of a start that was killed
  const given = givenServers();
  out.report('Starting servers and building');
  const built = build().then(() => out.report('Built'));
  built.catch(() => undefined); // awaited below, and it may fail before
  infrastructure = await startInfrastructure({ directory: LOCAL_DIRECTORY, given, report: out.report, tell });
  await built;
  if (isStopping) return;

  out.report('Provisioning, migrating and starting the services, while RabbitMQ is on its way');
  let writing = Promise.resolve();
  const write = (endpoints: Endpoints) => {
    if (isReady && !isStopping) writing = writing.then(() => writeEndpoints(endpoints));
    return writing;
  };
  system = await startSystem({
    ...infrastructure,
    directory: LOCAL_DIRECTORY,
    passwords: passwordsIn(join(LOCAL_DIRECTORY, 'passwords.json')),
    ...(given.mail ? { mail: given.mail } : {}),
    ports: USUAL_PORTS,
    environment: { WARREN_LOG_FORMAT: process.env['WARREN_LOG_FORMAT'] ?? 'pretty' },
    onLine: (program, line) => out.line(program, line),
    tell,
    onEndpoints: (endpoints) => void write(endpoints).catch((error: Error) => tell(error.message)),
  });
  if (isStopping) return;
  isReady = true;
  await write(system.endpoints);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  out.print(`\n${paint('bold', `Warren is ready after ${seconds} s`)}\n\n${placesOf(system.endpoints)}\n`);
}

async function stopEverything(): Promise<void> {
  await removeEndpoints();
  await system?.stop();
  await infrastructure?.stop();
  // What was just being started when the stop began.
  await stopAllProcesses('gently');
}

function placesOf(endpoints: Endpoints): string {
  const management = new URL(endpoints.amqpManagement);
  const [user, password] = [management.username, management.password].map(decodeURIComponent);
  const rows: [string, string][] = [
    ['API', endpoints.gateway],
    ['REST reference', `${endpoints.gateway}/docs`],
    ['Event reference', `${endpoints.gateway}/docs/events`],
    ['Payments', `${endpoints.paymentSandbox.url} (a sandbox; its key is in endpoints.json)`],
    ['Mail inbox', endpoints.mailInbox ?? '(at the mail server that you named)'],
    ['RabbitMQ', `${management.origin} (user ${user}, password ${password})`],
    ['For outsiders', endpoints.amqp],
    ['For programs', join(LOCAL_DIRECTORY, 'endpoints.json').replace(`${ROOT}/`, '')],
    ['Logs', join(LOCAL_DIRECTORY, 'logs').replace(`${ROOT}/`, '')],
  ];
  const table = rows.map(([name, place]) => `  ${name.padEnd(16)} ${place}`).join('\n');
  return `${table}\n\n  \`npm run demo\` shows it at work. Ctrl-C stops it, \`npm run reset\` wipes its data.`;
}
