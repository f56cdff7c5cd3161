import { access, constants, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Report } from '../processes/report.ts';
import { unpackRabbitMq } from './rabbitmq-packages.ts';
import { canUnpackPackages } from './unpack-packages.ts';

/** A RabbitMQ server on disk, with the Erlang that runs it. */
export interface RabbitMqFiles {
  /** Has sbin/rabbitmq-server. */
  home: string;
  /** For example 3.10.8. */
  version: string;
  /** Directories to put in front of PATH, for erl. */
  path: string[];
  /** Directories for LD_LIBRARY_PATH; usually none. */
  libraries: string[];
}

/** Quorum queues dead-letter at least once from this version on. */
const OLDEST = [3, 10] as const;

/** Where packages of Linux distributions and Homebrew put the server. */
const INSTALLED = [
  '/usr/lib/rabbitmq/lib',
  '/opt/rabbitmq/lib',
  '/opt/homebrew/opt/rabbitmq',
  '/usr/local/opt/rabbitmq',
];
const INSTALLED_ERLANG = ['/opt/homebrew/opt/erlang/bin', '/usr/local/opt/erlang/bin'];

/**
 * The files of an installed server if there is one that is new enough, else of one unpacked from the
 * distribution's packages into the cache of this user. An installed server is run from its files, as a process
 * of our own: its service, if it runs, is left alone.
 *
 * @throws with what to install, where neither is possible.
 */
export async function findRabbitMq(cacheDirectory: string, report: Report): Promise<RabbitMqFiles> {
  const installed = await findInstalled(INSTALLED, (process.env['PATH'] ?? '').split(delimiter));
  if (installed && isSupported(installed.version)) return installed;
  if (installed) report(`The installed RabbitMQ ${installed.version} is too old; looking for packages`);
  if (await canUnpackPackages()) {
    const unpacked = await unpackRabbitMq(cacheDirectory, report);
    const home = await findHome(join(unpacked.root, 'usr/lib/rabbitmq/lib'));
    if (home && isSupported(home.version)) {
      return { ...home, path: [join(unpacked.root, 'usr/lib/erlang/bin')], libraries: unpacked.libraries };
    }
    throw new Error(
      `The packages of this system have RabbitMQ ${home?.version ?? '(none)'}, ` +
        `and Warren needs ${OLDEST.join('.')} or newer.\n${HOW_TO_GET_ONE}`,
    );
  }
  throw new Error(`No RabbitMQ server was found on this machine.\n${HOW_TO_GET_ONE}`);
}

const HOW_TO_GET_ONE = `Do one of these:
  - install one: \`brew install rabbitmq\` on macOS, the package \`rabbitmq-server\` elsewhere. It need not run:
    Warren starts a private one from its files.
  - or run \`docker compose up\`, which brings all of Warren, at the addresses that docker-compose.yml names.
  - or point Warren at a broker that you have: WARREN_AMQP_URL=amqp://<administrator>:<password>@<host>:5672
    and WARREN_AMQP_MANAGEMENT_URL=http://<administrator>:<password>@<host>:15672`;

async function findInstalled(places: string[], searchPath: string[]): Promise<RabbitMqFiles | undefined> {
  const path = INSTALLED_ERLANG.filter((directory) => !searchPath.includes(directory));
  if (!(await isAnyExecutable([...searchPath, ...path].map((directory) => join(directory, 'erl')))))
    return undefined;
  for (const place of places) {
    const home = await findHome(place);
    if (home) return { ...home, path, libraries: [] };
  }
  return undefined;
}

/** The newest server in `place`, which is a server's own directory or has directories `rabbitmq_server-<version>`. */
async function findHome(place: string): Promise<{ home: string; version: string } | undefined> {
  const entries = await list(place);
  const candidates = [
    place,
    ...entries.filter((name) => name.startsWith('rabbitmq_server-')).map((n) => join(place, n)),
  ];
  const found: { home: string; version: string }[] = [];
  for (const home of candidates) {
    if (!(await isAnyExecutable([join(home, 'sbin/rabbitmq-server')]))) continue;
    for (const plugin of await list(join(home, 'plugins'))) {
      const version = /^rabbit-(\d+\.\d+\.\d+)/.exec(plugin)?.[1];
      if (version) found.push({ home, version });
    }
  }
  return found.sort((a, b) => compareVersions(b.version, a.version))[0];
}

function isSupported(version: string): boolean {
  return compareVersions(version, OLDEST.join('.')) >= 0;
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

async function isAnyExecutable(files: string[]): Promise<boolean> {
  for (const file of files) {
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true;
  }
  return false;
}

async function list(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
