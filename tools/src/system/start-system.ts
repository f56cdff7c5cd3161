import { existsSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startMailServer, type MailServer } from '../infrastructure/mail-server.ts';
import { choosePort } from '../processes/ports.ts';
import { Supervised } from '../processes/supervised.ts';
import type { Passwords } from '../provision/passwords.ts';
import { planProvisioning, type ProvisionedSystem } from '../provision/provision.ts';
import { SERVICES, type ServiceName } from '../provision/rights.ts';
import { declareQueues } from './declare-queues.ts';
import type { Endpoints } from './endpoints.ts';
import { startService } from './service-process.ts';
import { systemService, type SystemService } from './system-service.ts';

export interface SystemOptions {
  /** Holds stored files and mails. */
  directory: string;
  /** RabbitMQ, as an administrator. */
  amqpUrl: string;
  /** RabbitMQ's management API, as an administrator. */
  managementUrl: string;
  /** PostgreSQL, as an administrator. */
  databaseUrl: string;
  /** When RabbitMQ takes connections. Default: now. */
  brokerReady?: Promise<void>;
  /**
   * A file that stands for "every service has its queues on this broker". Where it is, services are started while
   * the broker is on its way, and wait for it; where it is not, they are started after their queues were declared.
   */
  declaredMark?: string;
  /** Default `warren`. */
  vhost?: string;
  /** Default `warren`. */
  database?: string;
  /** In front of broker users and database roles, for systems that share servers. Default: nothing. */
  accountPrefix?: string;
  /** Default: new ones. */
  passwords?: Passwords;
  /** A mail server to use instead of a private one, and where its mails can be seen. */
  mail?: { smtpUrl: string; inboxUrl: string | null };
  /** Wanted ports of services and mail server; what is taken, or not wanted, becomes a free one. */
  ports?: Partial<Record<ServiceName | 'smtp' | 'mailInbox', number>>;
  /** More variables, for all services or for one. */
  environment?: Record<string, string>;
  serviceEnvironment?: Partial<Record<ServiceName, Record<string, string>>>;
  /** Whether a process that dies is started again. Default true. */
  restart?: boolean;
  /** Each line that a service writes. Default: dropped. */
  onLine?: (service: ServiceName, line: string) => void;
  /** What the supervisor does and sees. Default: dropped. */
  tell?: (message: string) => void;
  /** Called when a process has been started again, with its new id in place. */
  onEndpoints?: (endpoints: Endpoints) => void;
}

export interface System {
  readonly endpoints: Endpoints;
  readonly provisioned: ProvisionedSystem;
  readonly services: Record<ServiceName, SystemService>;
  /** Ends all that was started, services first and gracefully. Data and accounts stay. */
  stop(): Promise<void>;
}

/** Ports that the services and the mail server of a development machine have when they are free. */
export const USUAL_PORTS = {
  gateway: 7080,
  'order-service': 7081,
  'email-service': 7082,
  'file-worker': 7083,
  smtp: 7025,
  mailInbox: 7026,
} as const;

/**
 * Provisions and starts a whole system on given servers, as real processes, and waits until every service is
 * ready. What was started is stopped again when a part does not become ready.
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { tell = () => undefined, restart = true } = options;
  const files = join(options.directory, 'files');
  await mkdir(files, { recursive: true });
  const { system: provisioned, provisionBroker, provisionDatabase } = planProvisioning(options);
  await provisionDatabase();
  const ports = await choosePorts(options.ports ?? {}, tell);

  const started: SystemService[] = [];
  const mailServer = new Supervised<MailServer>({
    name: 'mail server',
    launch: () =>
      startMailServer({
        directory: join(options.directory, 'mail'),
        ports: { smtp: ports.smtp, web: ports.mailInbox },
      }),
    tell,
    restart,
  });
  const stop = async () => {
    await Promise.all(started.map((service) => service.stop()));
    await mailServer.stop();
  };
  try {
    const endpoints = describe(options, provisioned, ports);
    const declared = Promise.resolve(options.brokerReady)
      .then(provisionBroker)
      .then(() =>
        declareQueues({
          managementUrl: options.managementUrl,
          vhost: provisioned.vhost,
          environmentOf: (service) => environmentOf(service, options, provisioned, files, endpoints),
          tell,
        }),
      );
    if (!options.declaredMark || !existsSync(options.declaredMark)) await declared;
    for (const service of SERVICES) {
      started.push(
        systemService({
          name: service,
          url: endpoints.services[service].url,
          launch: () =>
            startService({
              service,
              port: ports[service],
              environment: environmentOf(service, options, provisioned, files, endpoints),
              onLine: (line) => options.onLine?.(service, line),
            }),
          onLaunch({ pid }) {
            endpoints.services[service].pid = pid;
            options.onEndpoints?.(endpoints);
          },
          tell,
          restart,
        }),
      );
    }
    await Promise.all([
      options.mail ? undefined : mailServer.start(),
      declared,
      ...started.map((service) => service.start()),
    ]);
    if (options.declaredMark) writeFileSync(options.declaredMark, '');
    const byName = Object.fromEntries(started.map((service) => [service.name, service]));
    return { endpoints, provisioned, services: byName as System['services'], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Ports = Record<keyof typeof USUAL_PORTS, number>;

async function choosePorts(
  wanted: NonNullable<SystemOptions['ports']>,
  tell: (message: string) => void,
): Promise<Ports> {
  const taken = new Set<number>();
  const ports: Partial<Ports> = {};
  for (const name of Object.keys(USUAL_PORTS) as (keyof Ports)[]) {
    const port = await choosePort(taken, wanted[name]);
    if (wanted[name] !== undefined && wanted[name] !== port) {
      tell(`Port ${wanted[name]} is taken: the port of ${name} is ${port}`);
    }
    ports[name] = port;
  }
  return ports as Ports;
}

function describe(options: SystemOptions, provisioned: ProvisionedSystem, ports: Ports): Endpoints {
  const mail = options.mail ?? {
    smtpUrl: `smtp://127.0.0.1:${ports.smtp}`,
    inboxUrl: `http://127.0.0.1:${ports.mailInbox}`,
  };
  const urlOf = (service: ServiceName) => `http://127.0.0.1:${ports[service]}`;
  const services = SERVICES.map((service) => [service, { url: urlOf(service), pid: 0 }]);
  return {
    gateway: urlOf('gateway'),
    amqp: provisioned.guestAmqpUrl,
    amqpProducer: provisioned.guestProducerAmqpUrl,
    amqpAdmin: provisioned.operatorAmqpUrl,
    amqpManagement: options.managementUrl,
    database: provisioned.operatorDatabaseUrl,
    smtp: mail.smtpUrl,
    mailInbox: mail.inboxUrl,
    services: Object.fromEntries(services) as Endpoints['services'],
  };
}

function environmentOf(
  service: ServiceName,
  options: SystemOptions,
  provisioned: ProvisionedSystem,
  files: string,
  endpoints: Endpoints,
): Record<string, string> {
  const { amqpUrl, databaseUrl } = provisioned.services[service];
  return {
    WARREN_AMQP_URL: amqpUrl,
    WARREN_DATABASE_URL: databaseUrl,
    WARREN_FILES_DIRECTORY: files,
    WARREN_SMTP_URL: endpoints.smtp,
    WARREN_SCHEMA_BASE_URL: `${endpoints.gateway}/schemas`,
    ...options.environment,
    ...options.serviceEnvironment?.[service],
  };
}
