import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ManagementApi } from '@warren/testing';
import { cacheDirectory } from '@warren/tools/config.ts';
import { removePostgres, startPostgres, type Postgres } from '@warren/tools/infrastructure/postgres.ts';
import { removeRabbitMq, startRabbitMq, type RabbitMq } from '@warren/tools/infrastructure/rabbitmq.ts';

const USUAL_MEMORY = '1GiB';

/** A RabbitMQ and a PostgreSQL that belong to the rig alone, and that it may kill, freeze and starve. */
export class RigServers {
  readonly directory: string;
  #broker: RabbitMq;
  #postgres: Postgres;

  private constructor(directory: string, broker: RabbitMq, postgres: Postgres) {
    this.directory = directory;
    this.#broker = broker;
    this.#postgres = postgres;
  }

  /** @param directory holds their data; it is removed by {@link close}. */
  static async start(directory: string): Promise<RigServers> {
    const [broker, postgres] = await Promise.all([launchBroker(directory), launchPostgres(directory)]);
    return new RigServers(directory, broker, postgres);
  }

  get amqpUrl(): string {
    return this.#broker.amqpUrl;
  }

  get amqpPort(): number {
    return this.#broker.ports.amqp;
  }

  get databaseUrl(): string {
    return this.#postgres.url;
  }

  get databasePort(): number {
    return this.#postgres.port;
  }

  get management(): ManagementApi {
    return new ManagementApi(this.#broker.managementUrl);
  }

  /** SIGKILL, then a start on the same data and ports; resolves when it takes connections again. */
  async killBroker(): Promise<void> {
    const { ports } = this.#broker;
    this.#broker.kill('SIGKILL');
    await this.#broker.exited;
    this.#broker = await launchBroker(this.directory);
    if (this.#broker.ports.amqp !== ports.amqp) throw new Error('the broker came back on another port');
  }

  /** As with {@link killBroker}; its backends notice that the postmaster is gone. */
  async killPostgres(): Promise<void> {
    const { port } = this.#postgres;
    this.#postgres.kill('SIGKILL');
    await this.#postgres.exited;
    this.#postgres = await launchPostgres(this.directory);
    if (this.#postgres.port !== port) throw new Error('PostgreSQL came back on another port');
  }

  /** Stops the postmaster and its backends where they stand: connections stay open, and nobody answers. */
  freezePostgres(): void {
    for (const pid of [this.#postgres.pid, ...childrenOf(this.#postgres.pid)]) process.kill(pid, 'SIGSTOP');
  }

  thawPostgres(): void {
    for (const pid of [...childrenOf(this.#postgres.pid), this.#postgres.pid]) process.kill(pid, 'SIGCONT');
  }

  /** Makes the broker believe that it is out of memory: it reads nothing more from those who publish. */
  async raiseMemoryAlarm(): Promise<void> {
    await this.#broker.control('set_vm_memory_high_watermark', 'absolute', '10MB');
  }

  async clearMemoryAlarm(): Promise<void> {
    await this.#broker.control('set_vm_memory_high_watermark', 'absolute', USUAL_MEMORY);
  }

  /** Ends both and removes their data. */
  async close(): Promise<void> {
    this.#broker.kill('SIGKILL');
    await Promise.all([this.#broker.exited, this.#postgres.stop()]);
    await removeServers(this.directory);
  }
}

/** Ends what a killed run left behind in its directory, and removes it. */
export async function removeServers(directory: string): Promise<void> {
  await removeRabbitMq(join(directory, 'rabbitmq'));
  await removePostgres(join(directory, 'postgres'));
  await rm(directory, { recursive: true, force: true });
}

function launchBroker(directory: string): Promise<RabbitMq> {
  return startRabbitMq({ directory: join(directory, 'rabbitmq'), cacheDirectory: cacheDirectory() });
}

/** Without fsync: what a process has written survives its end, and the machine is not what is broken here. */
function launchPostgres(directory: string): Promise<Postgres> {
  return startPostgres({ directory: join(directory, 'postgres'), fsync: false });
}

/** From the process table of Linux. A child that ends while we look is left out. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}
