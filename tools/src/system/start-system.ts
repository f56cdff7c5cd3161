import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startMailServer, type MailServer } from '../infrastructure/mail-server.ts';
import type { ManagedProcess } from '../processes/managed-process.ts';
import { choosePort } from '../processes/ports.ts';
import { Supervised } from '../processes/supervised.ts';
import type { Passwords } from '../provision/passwords.ts';
import { provision, type ProvisionedSystem } from '../provision/provision.ts';
import { SERVICES, type ServiceName } from '../provision/rights.ts';
import type { Endpoints } from './endpoints.ts';
import { startService, untilReady } from './service-process.ts';

export interface SystemOptions {
  /** Holds stored files and mails. */
  directory: string;
  /** RabbitMQ, as an administrator. */
  amqpUrl: string;
  /** RabbitMQ's management API, as an administrator. */
  managementUrl: string;
  /** PostgreSQL, as an administrator. */
  databaseUrl: string;
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

export interface SystemService {
  readonly name: ServiceName;
  readonly url: string;
  /** Of the running process. @throws while there is none. */
  readonly pid: number;
  /** Sends a signal to the process and returns at once; what ends by itself is started again. */
  kill(signal: NodeJS.Signals): void;
  /** Ends the process gracefully; it stays away until `start`. */
  stop(): Promise<void>;
  /** Starts it after `stop`, and waits until it is ready. */
  start(): Promise<void>;
  /** Waits until it answers that it is ready. */
  untilReady(timeoutMs?: number): Promise<void>;
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
  const provisioned = await provision(options);
  const ports = await choosePorts(options.ports ?? {});

  const started: Supervised<ManagedProcess>[] = [];
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
    const mail = options.mail ?? (await mailServer.start());
    const endpoints = describe(options, provisioned, ports, mail);
    const launched = SERVICES.map((service) => {
      const supervised = new Supervised<ManagedProcess>({
        name: service,
        launch: () =>
          startService({
            service,
            port: ports[service],
            environment: environmentOf(service, options, provisioned, files, endpoints),
            onLine: (line) => options.onLine?.(service, line),
          }),
        tell,
        restart,
        onLaunch({ pid }) {
          endpoints.services[service].pid = pid;
          options.onEndpoints?.(endpoints);
        },
      });
      started.push(supervised);
      return serviceHandle(service, endpoints.services[service].url, supervised);
    });
    await Promise.all(launched.map((service) => service.start()));
    const byName = Object.fromEntries(launched.map((service) => [service.name, service]));
    return { endpoints, provisioned, services: byName as System['services'], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function serviceHandle(name: ServiceName, url: string, supervised: Supervised<ManagedProcess>): SystemService {
  const handle: SystemService = {
    name,
    url,
    get pid() {
      if (!supervised.current) throw new Error(`${name} is not running`);
      return supervised.current.pid;
    },
    kill: (signal) => supervised.kill(signal),
    stop: () => supervised.stop(),
    async start() {
      await supervised.start();
      await handle.untilReady();
    },
    untilReady: (timeoutMs) => untilReady(name, url, timeoutMs === undefined ? {} : { timeoutMs }),
  };
  return handle;
}

type Ports = Record<keyof typeof USUAL_PORTS, number>;

async function choosePorts(wanted: NonNullable<SystemOptions['ports']>): Promise<Ports> {
  const taken = new Set<number>();
  const ports: Partial<Ports> = {};
  for (const name of Object.keys(USUAL_PORTS) as (keyof Ports)[]) ports[name] = await choosePort(taken, wanted[name]);
  return ports as Ports;
}

function describe(
  options: SystemOptions,
  provisioned: ProvisionedSystem,
  ports: Ports,
  mail: { smtpUrl: string; inboxUrl: string | null },
): Endpoints {
  const urlOf = (service: ServiceName) => `http://127.0.0.1:${ports[service]}`;
  const services = SERVICES.map((service) => [service, { url: urlOf(service), pid: 0 }]);
  return {
    gateway: urlOf('gateway'),
    amqp: provisioned.guestAmqpUrl,
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
