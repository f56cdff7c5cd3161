import { join } from 'node:path';
import { cacheDirectory, type GivenServers } from '../config.ts';
import type { Report } from '../processes/report.ts';
import { Supervised } from '../processes/supervised.ts';
import { startPostgres, type Postgres } from './postgres.ts';
import { startRabbitMq, type RabbitMq } from './rabbitmq.ts';

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
  const { given, directory, report, tell } = options;
  const rabbitmq = new Supervised<RabbitMq>({
    name: 'RabbitMQ',
    launch: () =>
      startRabbitMq({
        directory: join(directory, 'rabbitmq'),
        cacheDirectory: cacheDirectory(),
        ports: rabbitmqPorts ?? USUAL_PORTS.rabbitmq,
        report,
      }),
    tell,
  });
  const postgres = new Supervised<Postgres>({
    name: 'PostgreSQL',
    launch: () =>
      startPostgres({ directory: join(directory, 'postgres'), port: postgresPort ?? USUAL_PORTS.postgres, report }),
    tell,
  });
  // A server that is started again comes back where its clients look for it.
  let rabbitmqPorts: RabbitMq['ports'] | undefined;
  let postgresPort: number | undefined;
  const stop = async () => {
    await Promise.all([rabbitmq.stop(), postgres.stop()]);
  };

  const starts = await Promise.allSettled([
    given.broker ?? startBroker(rabbitmq, report),
    given.database?.url ?? startDatabase(postgres, report),
  ]);
  const failed = starts.find((start) => start.status === 'rejected');
  const [broker, databaseUrl] = starts.map((start) => (start.status === 'fulfilled' ? start.value : undefined)) as [
    { amqpUrl: string; managementUrl: string },
    string,
  ];
  if (failed) {
    await stop();
    throw failed.reason;
  }
  rabbitmqPorts = rabbitmq.current?.ports;
  postgresPort = postgres.current?.port;
  return {
    amqpUrl: broker.amqpUrl,
    managementUrl: broker.managementUrl,
    databaseUrl,
    vhost: given.broker?.vhost ?? 'warren',
    database: given.database?.database ?? 'warren',
    stop,
  };
}

async function startBroker(supervised: Supervised<RabbitMq>, report: Report): Promise<RabbitMq> {
  const node = await supervised.start();
  for (const [name, usual] of Object.entries(USUAL_PORTS.rabbitmq)) {
    const port = node.ports[name as keyof RabbitMq['ports']];
    if (port !== usual) report(`Port ${usual} is taken: RabbitMQ's ${name} port is ${port}`);
  }
  report(`RabbitMQ is up on 127.0.0.1:${node.ports.amqp}`);
  return node;
}

async function startDatabase(supervised: Supervised<Postgres>, report: Report): Promise<string> {
  const server = await supervised.start();
  if (server.port !== USUAL_PORTS.postgres) {
    report(`Port ${USUAL_PORTS.postgres} is taken: PostgreSQL's port is ${server.port}`);
  }
  report(`PostgreSQL is up on 127.0.0.1:${server.port}`);
  return server.url;
}
