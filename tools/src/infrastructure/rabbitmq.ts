import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startProcess, type ManagedProcess, type ProcessExit } from '../processes/managed-process.ts';
import { choosePort, isFree } from '../processes/ports.ts';
import { commandLineOf, endProcess, type StopStep } from '../processes/process-control.ts';
import type { Report } from '../processes/report.ts';
import { run } from '../processes/run.ts';
import { openInstance, saveInstance, type InstanceRecord } from './instance-directory.ts';
import { ManagementApi } from './management-api.ts';
import { findRabbitMq, type RabbitMqFiles } from './rabbitmq-files.ts';

export type RabbitMqPorts = Record<'amqp' | 'management' | 'prometheus' | 'distribution', number>;

export interface RabbitMqOptions {
  /** Holds data, logs, configuration and cookie. A later start on it has the same data and credentials. */
  directory: string;
  /** Where an unpacked server is kept between starts. */
  cacheDirectory: string;
  /** Wanted ports; a port that is taken is replaced by a free one. Default: those of the last start, or any. */
  ports?: Partial<RabbitMqPorts>;
  report?: Report;
}

export interface RabbitMq {
  /** As the administrator `operator`, without a virtual host. */
  readonly amqpUrl: string;
  /** As the administrator `operator`. */
  readonly managementUrl: string;
  readonly ports: RabbitMqPorts;
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  /** Runs rabbitmqctl against this node, for what the management API cannot do; takes a second or two. */
  control(...args: string[]): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Ends the node and waits until it is gone. The data stays. */
  stop(): Promise<void>;
}

const NODE = 'warren@localhost';
/** What we enable, and what that needs. */
const USED_PLUGINS = [
  'rabbitmq_prelaunch',
  'rabbitmq_management',
  'rabbitmq_management_agent',
  'rabbitmq_web_dispatch',
  'rabbitmq_prometheus',
];
const START_DEADLINE_MS = 180_000;
/**
 * Once RabbitMQ's own applications have stopped, which takes milliseconds, Erlang waits for some process that
 * does not listen; without this bound it waits 5 s longer.
 */
const ERLANG_SHUTDOWN_MS = 3_000;
const STOP: [StopStep, ...StopStep[]] = [
  { signal: 'SIGTERM', patienceMs: 30_000 },
  { signal: 'SIGKILL', patienceMs: 10_000 },
];

/**
 * Starts a private RabbitMQ node that listens on 127.0.0.1 only, and waits until it takes connections.
 *
 * A node that is still running on this directory, because its owner was killed, is stopped first. The node
 * needs no epmd: it is told its own distribution port (`-erl_epmd_port`), and so is rabbitmqctl.
 *
 * @throws when no server can be found, or it does not come up; the error has the end of its log.
 */
export async function startRabbitMq(options: RabbitMqOptions): Promise<RabbitMq> {
  for (let attempt = 1; ; attempt += 1) {
    const { node, ready } = await launchRabbitMq(options);
    try {
      await ready;
      return node;
    } catch (error) {
      await node.stop();
      // Between the look at a port and its use another program may have taken it.
      if ((await allFree(node.ports)) || attempt === 3) throw error;
    }
  }
}

/**
 * The same without the wait: the node is known, with its ports and credentials, seconds before it takes
 * connections.
 *
 * @throws when no server can be found.
 */
export async function launchRabbitMq(
  options: RabbitMqOptions,
): Promise<{ node: RabbitMq; ready: Promise<void> }> {
  const { directory, report = () => undefined } = options;
  const files = await findRabbitMq(options.cacheDirectory, report);
  const instance = await openInstance(directory);
  await stopLeftover(instance);
  const ports = await choosePorts({ ...instance.ports, ...options.ports });
  await writeConfiguration(directory, instance, ports);
  const plugins = await choosePlugins(directory, files);
  const environment = {
    ...nodeEnvironment(directory, files, ports, instance.id),
    RABBITMQ_PLUGINS_DIR: plugins,
  };
  const node = await startProcess({
    command: join(files.home, 'sbin/rabbitmq-server'),
    args: [],
    cwd: directory,
    env: environment,
    output: { file: join(directory, 'log/console.log') },
    stop: STOP,
  });
  await saveInstance(directory, { ...instance, ports, pid: node.pid });
  const ready = untilReady(node, directory, instance, ports);
  ready.catch(() => undefined); // for whoever waits for it, which may be later
  return { node: handle(node, files, environment, instance, ports), ready };
}

/** Ends a node that a killed owner left behind on this directory, and removes the directory and its data. */
export async function removeRabbitMq(directory: string): Promise<void> {
  if (!(await stat(directory).catch(() => undefined))) return;
  await stopLeftover(await openInstance(directory));
  await rm(directory, { recursive: true, force: true });
}

function handle(
  node: ManagedProcess,
  files: RabbitMqFiles,
  environment: NodeJS.ProcessEnv,
  instance: InstanceRecord,
  ports: RabbitMqPorts,
): RabbitMq {
  const credentials = `operator:${encodeURIComponent(instance.password)}`;
  return {
    amqpUrl: `amqp://${credentials}@127.0.0.1:${ports.amqp}`,
    managementUrl: `http://${credentials}@127.0.0.1:${ports.management}`,
    ports,
    pid: node.pid,
    exited: node.exited,
    async control(...args) {
      const env = { ...environment, RABBITMQ_CTL_ERL_ARGS: `${withoutEpmd(ports)} -dist_listen false` };
      return (await run(join(files.home, 'sbin/rabbitmqctl'), args, { env })).output;
    },
    kill: (signal) => node.kill(signal),
    async stop() {
      await node.stop();
    },
  };
}

/** A node of this directory whose owner was killed. */
async function stopLeftover(instance: InstanceRecord): Promise<void> {
  if (instance.pid === null) return;
  const commandLine = await commandLineOf(instance.pid);
  if (commandLine?.includes(instance.id)) await endProcess(instance.pid, STOP);
}

async function choosePorts(wanted: Partial<RabbitMqPorts>): Promise<RabbitMqPorts> {
  const chosen = new Set<number>();
  return {
    amqp: await choosePort(chosen, wanted.amqp),
    management: await choosePort(chosen, wanted.management),
    distribution: await choosePort(chosen, wanted.distribution),
    prometheus: await choosePort(chosen, wanted.prometheus),
  };
}

async function allFree(ports: RabbitMqPorts): Promise<boolean> {
  const free = await Promise.all(Object.values(ports).map((port) => isFree(port)));
  return free.every(Boolean);
}

async function writeConfiguration(
  directory: string,
  instance: InstanceRecord,
  ports: RabbitMqPorts,
): Promise<void> {
  for (const name of ['data', 'log', 'home', 'conf']) await mkdir(join(directory, name), { recursive: true });
  const cookie = join(directory, 'home/.erlang.cookie');
  await writeFile(cookie, randomBytes(24).toString('hex'), { mode: 0o400, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  await chmod(cookie, 0o400); // Erlang refuses a cookie that others can read
  await rm(join(directory, 'rabbitmq.pid'), { force: true });
  await writeFile(join(directory, 'conf/enabled_plugins'), '[rabbitmq_management,rabbitmq_prometheus].\n');
  await writeFile(
    join(directory, 'conf/rabbitmq.conf'),
    [
      `listeners.tcp.default = 127.0.0.1:${ports.amqp}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${ports.management}`,
      'prometheus.tcp.ip = 127.0.0.1',
      `prometheus.tcp.port = ${ports.prometheus}`,
      // Made when the node first creates its database, later ignored.
      'default_user = operator',
      `default_pass = ${instance.password}`,
      'default_user_tags.administrator = true',
      'log.file.level = info',
      'log.console = false',
      // The defaults are shares of the whole machine, which a development machine has other uses for.
      'vm_memory_high_watermark.absolute = 1GiB',
      'disk_free_limit.absolute = 200MB',
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
}

/**
 * A directory with the server's libraries and the few plugins that we use. With all of them at hand the node
 * spends a sixth of its start on reading what it does not load.
 */
async function choosePlugins(directory: string, files: RabbitMqFiles): Promise<string> {
  const chosen = join(directory, 'conf/plugins');
  await rm(chosen, { recursive: true, force: true });
  await mkdir(chosen);
  for (const name of await readdir(join(files.home, 'plugins'))) {
    const isOptional =
      name.startsWith('rabbitmq_') && !USED_PLUGINS.some((used) => name.startsWith(`${used}-`));
    if (!isOptional) await symlink(join(files.home, 'plugins', name), join(chosen, name));
  }
  return chosen;
}

function withoutEpmd(ports: RabbitMqPorts): string {
  return `-start_epmd false -erl_epmd_port ${ports.distribution}`;
}

/** Everything that the server would otherwise look for in places that belong to an installed one. */
function nodeEnvironment(
  directory: string,
  files: RabbitMqFiles,
  ports: RabbitMqPorts,
  id: string,
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RABBITMQ|ERL)_/.test(name));
  const libraries = [...files.libraries, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(delimiter);
  return {
    ...Object.fromEntries(inherited),
    PATH: [join(files.home, 'sbin'), ...files.path, process.env['PATH']].filter(Boolean).join(delimiter),
    ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}),
    HOME: join(directory, 'home'),
    LC_ALL: 'C.UTF-8',
    RABBITMQ_CONF_ENV_FILE: join(directory, 'conf/none.conf'),
    RABBITMQ_NODENAME: NODE,
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_CONFIG_FILE: join(directory, 'conf/rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'conf/none.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'conf/enabled_plugins'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(directory, 'data/config'),
    RABBITMQ_FEATURE_FLAGS_FILE: join(directory, 'data/feature_flags'),
    RABBITMQ_PID_FILE: join(directory, 'rabbitmq.pid'),
    RABBITMQ_NODE_PORT: String(ports.amqp),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    // Makes the start script replace itself by the server instead of waiting for it, so that the process we
    // started is the server.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      `-sname ${NODE} ${withoutEpmd(ports)}`,
      '-kernel inet_dist_use_interface {127,0,0,1}',
      `-kernel inet_dist_listen_min ${ports.distribution}`,
      `-kernel inet_dist_listen_max ${ports.distribution}`,
      `-shutdown_time ${ERLANG_SHUTDOWN_MS}`,
      `-warren_instance ${id}`,
    ].join(' '),
  };
}

/** Waits until the node has its AMQP listener open. @throws when it ends, or takes too long. */
async function untilReady(
  node: ManagedProcess,
  directory: string,
  instance: InstanceRecord,
  ports: RabbitMqPorts,
): Promise<void> {
  const api = new ManagementApi(`http://operator:${instance.password}@127.0.0.1:${ports.management}`);
  const deadline = Date.now() + START_DEADLINE_MS;
  let last = 'it did not answer';
  while (!node.exit && Date.now() < deadline) {
    try {
      await api.get(`/health/checks/port-listener/${ports.amqp}`);
      return;
    } catch (error) {
      last = (error as Error).message;
    }
    await Promise.race([delay(100), node.exited]);
  }
  const what = node.exit
    ? `ended with ${node.exit.signal ?? node.exit.code} while it started`
    : `was not ready after ${START_DEADLINE_MS / 1000} s (${last})`;
  const log = await readFile(join(directory, 'log/console.log'), 'utf8').catch(() => '');
  throw new Error(
    `RabbitMQ ${what}. Its logs are in ${join(directory, 'log')}:\n${log.trimEnd().split('\n').slice(-20).join('\n')}`,
  );
}
