import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type ChannelModel } from 'amqplib';
import { Client } from 'pg';
import { cacheDirectory, LOCAL_DIRECTORY } from '@warren/tools/config.ts';
import { ManagementApi } from '@warren/tools/infrastructure/management-api.ts';
import { removePostgres, startPostgres, type Postgres } from '@warren/tools/infrastructure/postgres.ts';
import { removeRabbitMq, startRabbitMq, type RabbitMq } from '@warren/tools/infrastructure/rabbitmq.ts';
import { choosePort } from '@warren/tools/processes/ports.ts';
import { isAlive } from '@warren/tools/processes/process-control.ts';
import type { ProgramName } from '@warren/tools/system/payment-sandbox.ts';
import { startService, untilReady } from '@warren/tools/system/service-process.ts';
import { Program, type ProgramOptions } from './program.ts';
import type { Methods } from './programs/answer-calls.ts';

export interface LabOptions {
  quick: boolean;
  profile: boolean;
  report: (text: string) => void;
}

/** A service of the system in a process of its own. */
export interface LabService {
  readonly url: string;
  readonly pid: number;
  /** Ends it gracefully. Safe to call again. */
  stop(): Promise<void>;
}

const LABS = join(LOCAL_DIRECTORY, 'bench/servers');
export const PROFILES = join(LOCAL_DIRECTORY, 'bench/profiles');

/**
 * A RabbitMQ and a PostgreSQL for the bench alone, as `npm start` starts them (every commit reaches the disk), and
 * the programs that are measured on them.
 */
export class Lab {
  readonly quick: boolean;
  readonly report: (text: string) => void;
  readonly #profile: boolean;
  readonly #directory: string;
  readonly #rabbitmq: RabbitMq;
  readonly #postgres: Postgres;
  readonly #management: ManagementApi;
  readonly #programs: Program<Methods>[] = [];
  readonly #cleanups: (() => Promise<void>)[] = [];
  #names = 0;
  #closed: Promise<void> | undefined;

  private constructor(options: LabOptions, directory: string, rabbitmq: RabbitMq, postgres: Postgres) {
    this.quick = options.quick;
    this.report = options.report;
    this.#profile = options.profile;
    this.#directory = directory;
    this.#rabbitmq = rabbitmq;
    this.#postgres = postgres;
    this.#management = new ManagementApi(rabbitmq.managementUrl);
  }

  static async open(options: LabOptions): Promise<Lab> {
    await sweep();
    const directory = join(LABS, String(process.pid));
    await mkdir(directory, { recursive: true });
    const { report } = options;
    const [rabbitmq, postgres] = await Promise.allSettled([
      startRabbitMq({ directory: join(directory, 'rabbitmq'), cacheDirectory: cacheDirectory(), report }),
      startPostgres({ directory: join(directory, 'postgres'), fsync: true, report }),
    ]);
    if (rabbitmq.status === 'fulfilled' && postgres.status === 'fulfilled') {
      return new Lab(options, directory, rabbitmq.value, postgres.value);
    }
    if (rabbitmq.status === 'fulfilled') await rabbitmq.value.stop();
    if (postgres.status === 'fulfilled') await postgres.value.stop();
    await removeDirectory(directory);
    throw rabbitmq.status === 'rejected' ? rabbitmq.reason : (postgres as PromiseRejectedResult).reason;
  }

  /** A number for a full run, and one for a quick run. */
  size(full: number, quick: number): number {
    return this.quick ? quick : full;
  }

  /** A virtual host that goes when the experiment closes. */
  async createVhost(): Promise<string> {
    const name = `bench-${(this.#names += 1)}`;
    const url = new URL(this.#rabbitmq.amqpUrl);
    await this.#management.put(`/vhosts/${name}`, {});
    await this.#management.put(`/permissions/${name}/${url.username}`, {
      configure: '.*',
      write: '.*',
      read: '.*',
    });
    this.#cleanups.push(() => this.#management.delete(`/vhosts/${name}`));
    url.pathname = `/${name}`;
    return url.href;
  }

  /** A connection for what a contender does not do itself. */
  async connect(amqpUrl: string): Promise<ChannelModel> {
    const model = await connect(amqpUrl);
    model.on('error', () => undefined); // the call that is under way fails with it
    this.#cleanups.push(() => model.close().catch(() => undefined));
    return model;
  }

  /** An empty database that goes when the experiment closes. */
  async createDatabase(): Promise<string> {
    const name = `bench_${(this.#names += 1)}`;
    await this.onDatabase(this.#postgres.url, (client) => client.query(`CREATE DATABASE ${name}`));
    this.#cleanups.push(async () => {
      await this.onDatabase(this.#postgres.url, (client) =>
        client.query(`DROP DATABASE ${name} WITH (FORCE)`),
      );
    });
    const url = new URL(this.#postgres.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  async onDatabase<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** Writes out what former turns have left to write, so that the next one does not pay for it. */
  async settle(): Promise<void> {
    await this.onDatabase(this.#postgres.url, (client) => client.query('CHECKPOINT'));
  }

  start<M extends Methods>(options: ProgramOptions): Program<M> {
    const program = new Program<M>(options);
    this.#programs.push(program);
    this.#cleanups.push(() => program.stop());
    return program;
  }

  /** Starts a service as it is built, and waits until it is ready. It ends when the experiment closes. */
  async startService(name: ProgramName, environment: Record<string, string>): Promise<LabService> {
    const port = await choosePort(new Set());
    const onLine = (line: string) => this.report(`  ${name} says ${line}`);
    const service = await startService({ service: name, port, environment, onLine });
    const stop = async () => {
      await service.stop();
    };
    this.#cleanups.push(stop);
    const url = `http://127.0.0.1:${port}`;
    await untilReady(name, url);
    return { url, pid: service.pid, stop };
  }

  /** Of the servers. */
  get pids(): { rabbitmq: number; postgres: number } {
    return { rabbitmq: this.#rabbitmq.pid, postgres: this.#postgres.pid };
  }

  /** What PostgreSQL writes. */
  get postgresLog(): string {
    return join(this.#directory, 'postgres/postgres.log');
  }

  /** Does `work`, and writes a profile of each program that was busy with it where that was asked for. */
  async profiled<T>(title: string, work: () => Promise<T>): Promise<T> {
    if (!this.#profile) return work();
    await mkdir(PROFILES, { recursive: true });
    await Promise.all(this.#programs.map((program) => program.startProfile()));
    const result = await work();
    const files = this.#programs.map(({ name }, n) =>
      `${title} ${name} ${n}.cpuprofile`.replaceAll(/[^\w.-]+/g, '-'),
    );
    await Promise.all(this.#programs.map((program, n) => program.stopProfile(join(PROFILES, files[n]!))));
    return result;
  }

  /** Ends the programs of an experiment and removes its virtual hosts and databases. */
  async clear(): Promise<void> {
    this.#programs.length = 0;
    for (const clean of this.#cleanups.splice(0).reverse()) await clean();
  }

  async versions(): Promise<{ rabbitmq: string; postgres: string }> {
    const overview = await this.#management.get<{ rabbitmq_version: string }>('/overview');
    const { rows } = await this.onDatabase(this.#postgres.url, (client) =>
      client.query<{ server_version: string }>('SHOW server_version'),
    );
    return { rabbitmq: overview!.rabbitmq_version, postgres: rows[0]!.server_version };
  }

  /** Safe to call again. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.clear();
    this.#rabbitmq.kill('SIGKILL'); // its data is thrown away
    await Promise.all([this.#rabbitmq.exited, this.#postgres.stop()]);
    await removeDirectory(this.#directory);
  }
}

/** Removes what runs that were killed have left. */
async function sweep(): Promise<void> {
  for (const name of await readdir(LABS).catch(() => [])) {
    if (!isAlive(Number(name))) await removeDirectory(join(LABS, name));
  }
}

async function removeDirectory(directory: string): Promise<void> {
  await removeRabbitMq(join(directory, 'rabbitmq'));
  await removePostgres(join(directory, 'postgres'));
  await rm(directory, { recursive: true, force: true });
}
