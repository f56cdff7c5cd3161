import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { cacheDirectory, type GivenServers } from '../config.ts';
import type { Report } from '../processes/report.ts';
import { Supervised } from '../processes/supervised.ts';
import { startPostgres, type Postgres } from './postgres.ts';
import { launchRabbitMq, startRabbitMq, type RabbitMq } from './rabbitmq.ts';

export interface InfrastructureOptions {
  /** Holds the data of private servers. */
  directory: string;
  given: GivenServers;
  report: Report;
  /** Says when a private server died and is started again. */
  tell: (message: string) => void;
}

/** Where the servers are, as an administrator reaches them. */
export interface Infrastructure {
  amqpUrl: string;
  managementUrl: string;
  databaseUrl: string;
  vhost: string;
  database: string;
  /** Settles when RabbitMQ takes connections; a private one is known seconds before. */
  brokerReady: Promise<void>;
  /** Of a private broker: a place beside its data for a mark that goes when they go. */
  declaredMark?: string;
  /** Stops the private servers. */
  stop(): Promise<void>;
}

/** Ports of the private servers when they are free; not the usual ones, which belong to installed servers. */
const USUAL_PORTS = {
  rabbitmq: { amqp: 7672, management: 7673, distribution: 7674, prometheus: 7675 },
  postgres: 7432,
};

/** Brings up what is not given: a private RabbitMQ, a private PostgreSQL. */
export async function startInfrastructure(options: InfrastructureOptions): Promise<Infrastructure> {
  const { given } = options;
  const rabbitmq = superviseRabbitMq(options);
  const postgres = supervisePostgres(options);
  const stop = async () => {
    await Promise.all([rabbitmq.supervised.stop(), postgres.stop()]);
  };
  const starts = await Promise.allSettled([
    given.broker ?? rabbitmq.supervised.start(),
    given.database ?? postgres.start(),
  ]);
  const [broker, database] = starts;
  if (broker.status === 'rejected' || database.status === 'rejected') {
    await stop();
    throw starts.find((start) => start.status === 'rejected')?.reason;
  }
  return {
    amqpUrl: broker.value.amqpUrl,
    managementUrl: broker.value.managementUrl,
    databaseUrl: database.value.url,
    vhost: given.broker?.vhost ?? 'warren',
    database: given.database?.database ?? 'warren',
    brokerReady: given.broker ? Promise.resolve() : rabbitmq.ready(),
    ...(given.broker ? {} : { declaredMark: join(options.directory, 'rabbitmq/queues-declared') }),
    stop,
  };
}

function superviseRabbitMq({ directory, report, tell }: InfrastructureOptions) {
  const settings = { directory: join(directory, 'rabbitmq'), cacheDirectory: cacheDirectory(), report };
  let first: RabbitMq | undefined;
  let ready = Promise.resolve();
  const supervised = new Supervised<RabbitMq>({
    name: 'RabbitMQ',
    tell,
    async launch() {
      if (first) return onSamePorts(first.ports, await startRabbitMq({ ...settings, ports: first.ports }));
      const launched = await launchRabbitMq({ ...settings, ports: USUAL_PORTS.rabbitmq });
      first = launched.node;
      const { ports } = first;
      for (const [name, usual] of Object.entries(USUAL_PORTS.rabbitmq)) {
        const port = ports[name as keyof RabbitMq['ports']];
        if (port !== usual) report(`Port ${usual} is taken: RabbitMQ's ${name} port is ${port}`);
      }
      ready = launched.ready.then(() => report(`RabbitMQ is up on 127.0.0.1:${ports.amqp}`));
      ready.catch(() => undefined); // for whoever waits for it, which may be later
      return first;
    },
  });
  return { supervised, ready: () => ready };
}

function supervisePostgres({ directory, report, tell }: InfrastructureOptions): Supervised<Postgres> {
  const settings = { directory: join(directory, 'postgres'), report };
  let firstPort: number | undefined;
  return new Supervised<Postgres>({
    name: 'PostgreSQL',
    tell,
    async launch() {
      const server = await startPostgres({ ...settings, port: firstPort ?? USUAL_PORTS.postgres });
      if (firstPort !== undefined) return onSamePorts({ port: firstPort }, server);
      firstPort = server.port;
      if (firstPort !== USUAL_PORTS.postgres) {
        report(`Port ${USUAL_PORTS.postgres} is taken: PostgreSQL's port is ${firstPort}`);
      }
      report(`PostgreSQL is up on 127.0.0.1:${firstPort}`);
      return server;
    },
  });
}

/** A server that is started again is of use only where its clients look for it. */
async function onSamePorts<T extends RabbitMq | Postgres>(before: object, server: T): Promise<T> {
  const now = 'ports' in server ? server.ports : { port: server.port };
  if (isDeepStrictEqual(before, now)) return server;
  await server.stop();
  throw new Error(`another program listens on one of its ports (${Object.values(before).join(', ')})`);
}
