import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { applyTopology } from '@warren/messaging';
import { createTcpProxy, type TcpProxy } from '@warren/testing';
import type { Fault } from './faults/fault.ts';
import { RigDatabase } from './rig-database.ts';
import type { RigServers } from './servers.ts';
import { ServiceProcess } from './service-process.ts';
import { consumerTopology } from './services/consumer.ts';
import { producerTopology } from './services/producer.ts';
import { Tap } from './tap.ts';

export interface StageOptions {
  servers: RigServers;
  /** What the services write, and their deliveries, go into a directory of the fault's name below this one. */
  logDirectory: string;
  /** Messages that the producer appends in all. */
  messages: number;
  /** Messages appended in a second, at most. */
  rate: number;
}

/** What a service of the rig is given to end in after SIGTERM, in seconds. */
export const SHUTDOWN_SECONDS = 20;
let opened = 0;

/** A virtual host and a database of their own, the processes on them, and a network for each process. */
export class Stage {
  readonly producers: ServiceProcess[] = [];
  readonly consumers: ServiceProcess[] = [];
  /** In the order of producers, then consumers. */
  readonly brokerProxies: TcpProxy[] = [];
  readonly databaseProxies: TcpProxy[] = [];
  /** What the processes have done by themselves and should not have. */
  readonly unexpected: string[] = [];
  readonly name: string;
  readonly deliveryLog: string;
  tap!: Tap;
  database!: RigDatabase;
  readonly #options: StageOptions;
  readonly #fault: Fault;
  readonly #directory: string;

  private constructor(fault: Fault, options: StageOptions) {
    this.#fault = fault;
    this.#options = options;
    this.name = `rig_${process.pid}_${(opened += 1)}`;
    this.#directory = join(options.logDirectory, fault.name);
    this.deliveryLog = join(this.#directory, 'deliveries.tsv');
  }

  static async open(fault: Fault, options: StageOptions): Promise<Stage> {
    const stage = new Stage(fault, options);
    try {
      await stage.#open();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /** Past the proxies, as the operator. */
  get amqpUrl(): string {
    return `${this.#options.servers.amqpUrl}/${this.name}`;
  }

  get services(): ServiceProcess[] {
    return [...this.producers, ...this.consumers];
  }

  async close(): Promise<void> {
    for (const service of this.services) await service.close();
    for (const proxy of [...this.brokerProxies, ...this.databaseProxies]) await proxy.close();
    await this.tap?.close();
    await this.database?.close();
    await this.#options.servers.management.call('DELETE', `/vhosts/${this.name}`);
    const admin = new RigDatabase(this.#options.servers.databaseUrl);
    await admin.rows(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
    await admin.close();
  }

  async #open(): Promise<void> {
    const { servers } = this.#options;
    mkdirSync(this.#directory, { recursive: true });
    await servers.management.call('PUT', `/vhosts/${this.name}`);
    await servers.management.call('PUT', `/permissions/${this.name}/operator`, {
      configure: '.*',
      write: '.*',
      read: '.*',
    });
    const admin = new RigDatabase(servers.databaseUrl);
    await admin.rows(`CREATE DATABASE ${this.name}`);
    await admin.close();
    const url = new URL(servers.databaseUrl);
    url.pathname = `/${this.name}`;
    this.database = new RigDatabase(url.href);
    this.tap = await Tap.open(this.amqpUrl, this.#fault.boundedTap ?? false);
    await this.#declareQueues();
    for (const service of ['producer', 'consumer'] as const) {
      for (let n = 1; n <= this.#replicas; n += 1) await this.#add(service, n, url.href);
    }
  }

  /** As a deployment does, so that no event is published before the queue is there that is to receive it. */
  async #declareQueues(): Promise<void> {
    const brokerUrls = [this.amqpUrl];
    const logger = { log: () => undefined, warn: (message: string) => this.unexpected.push(message) };
    await Promise.all(
      [producerTopology, consumerTopology].map((topology) => applyTopology({ topology, brokerUrls, logger })),
    );
  }

  get #replicas(): number {
    return this.#fault.replicas ?? 1;
  }

  async #add(service: 'producer' | 'consumer', n: number, databaseUrl: string): Promise<void> {
    const { servers } = this.#options;
    const broker = await createTcpProxy('127.0.0.1', servers.amqpPort);
    this.brokerProxies.push(broker);
    const database = this.#fault.databaseProxy && (await createTcpProxy('127.0.0.1', servers.databasePort));
    if (database) this.databaseProxies.push(database);
    const name = `${service}-${n}`;
    const added = new ServiceProcess({
      service,
      name,
      logFile: join(this.#directory, `${name}.log`),
      environment: {
        WARREN_DATABASE_URL: database ? database.through(databaseUrl) : databaseUrl,
        WARREN_DATABASE_POOL_SIZE: '40',
        WARREN_AMQP_URL: broker.through(this.amqpUrl),
        WARREN_HTTP_PORT: '0',
        WARREN_SHUTDOWN_SECONDS: String(SHUTDOWN_SECONDS),
        RIG_DELIVERY_LOG: this.deliveryLog,
        ...(service === 'producer' && this.#loadEnvironment()),
      },
      onUnexpectedExit: (what) => this.unexpected.push(what),
    });
    (service === 'producer' ? this.producers : this.consumers).push(added);
  }

  #loadEnvironment(): Record<string, string> {
    const { messages, rate } = this.#options;
    return {
      RIG_MESSAGES: String(messages),
      RIG_ITEMS: String(this.#fault.items ?? Math.max(10, Math.min(200, Math.round(messages / 20)))),
      RIG_AHEAD: String(Math.max(50, Math.round(messages / 20))),
      RIG_RATE: String(Math.max(1, Math.round(rate / this.#replicas))),
      RIG_COMMAND_PERCENT: String(this.#fault.commandPercent ?? 20),
    };
  }
}
