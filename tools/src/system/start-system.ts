import { existsSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startMailServer, type MailServer } from '../infrastructure/mail-server.ts';
import { choosePort } from '../processes/ports.ts';
import { Supervised } from '../processes/supervised.ts';
import { passwordsInMemory, type Passwords } from '../provision/passwords.ts';
import { planProvisioning, type ProvisionedSystem } from '../provision/provision.ts';
import { SERVICES, type ServiceName } from '../provision/rights.ts';
import { declareQueues } from './declare-queues.ts';
import type { Endpoints } from './endpoints.ts';
import {
  PAYMENT_SANDBOX,
  paymentEnvironment,
  paymentSecrets,
  sandboxEnvironment,
  type PaymentPlaces,
  type ProgramName,
} from './payment-sandbox.ts';
import { startService } from './service-process.ts';
import { systemService, type SystemService } from './system-service.ts';

export interface SystemOptions {
  /** Holds stored files, mails and the payments of the sandbox. */
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
  /** Wanted ports of services, payment provider and mail server; what is taken, or not wanted, becomes a free one. */
  ports?: Partial<Record<ProgramName | 'smtp' | 'mailInbox', number>>;
  /** More variables, for all programs or for one. */
  environment?: Record<string, string>;
  serviceEnvironment?: Partial<Record<ProgramName, Record<string, string>>>;
  /** Whether a process that dies is started again. Default true. */
  restart?: boolean;
  /** Each line that a program writes. Default: dropped. */
  onLine?: (program: ProgramName, line: string) => void;
  /** What the supervisor does and sees. Default: dropped. */
  tell?: (message: string) => void;
  /** Called when a process has been started again, with its new id in place. */
  onEndpoints?: (endpoints: Endpoints) => void;
}

export interface System {
  readonly endpoints: Endpoints;
  readonly provisioned: ProvisionedSystem;
  readonly services: Record<ServiceName, SystemService>;
  readonly paymentSandbox: SystemService;
  /** Ends all that was started, services first and gracefully. Data and accounts stay. */
  stop(): Promise<void>;
}

/** Ports that the programs and the mail server of a development machine have when they are free. */
export const USUAL_PORTS = {
  gateway: 7080,
  'order-service': 7081,
  'email-service': 7082,
  'file-worker': 7083,
  'payment-sandbox': 7084,
  smtp: 7025,
  mailInbox: 7026,
} as const;

/**
 * Provisions and starts a whole system on given servers, as real processes, and waits until every service is
 * ready. What was started is stopped again when a part does not become ready.
 */
export async function startSystem(given: SystemOptions): Promise<System> {
  const options = { ...given, passwords: given.passwords ?? passwordsInMemory() };
  const { tell = () => undefined, restart = true } = options;
  const files = join(options.directory, 'files');
  await mkdir(files, { recursive: true });
  const { system: provisioned, provisionBroker, provisionDatabase } = planProvisioning(options);
  await provisionDatabase();
  const ports = await choosePorts(options.ports ?? {}, tell);

  const started: SystemService[] = [];
  let paymentSandbox: SystemService | undefined;
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
    await Promise.all([paymentSandbox?.stop(), mailServer.stop()]);
  };
  try {
    const endpoints = describe(options, provisioned, ports);
    const payments: PaymentPlaces = {
      ...paymentSecrets(options.passwords),
      sandboxUrl: endpoints.paymentSandbox.url,
      gatewayUrl: endpoints.gateway,
    };
    const environmentOf = (program: ProgramName): Record<string, string> => ({
      ...(program === PAYMENT_SANDBOX
        ? sandboxEnvironment(payments, options.directory)
        : {
            ...serviceVariables(program, provisioned, files, endpoints),
            ...paymentEnvironment(program, payments),
          }),
      ...options.environment,
      ...options.serviceEnvironment?.[program],
    });
    /** @param entry where its process is told */
    const programOf = (name: ProgramName, entry: { url: string; pid: number }): SystemService =>
      systemService({
        name,
        url: entry.url,
        launch: () =>
          startService({
            service: name,
            port: ports[name],
            environment: environmentOf(name),
            onLine: (line) => options.onLine?.(name, line),
          }),
        onLaunch({ pid }) {
          entry.pid = pid;
          options.onEndpoints?.(endpoints);
        },
        tell,
        restart,
      });
    const declared = Promise.resolve(options.brokerReady)
      .then(provisionBroker)
      .then(() =>
        declareQueues({
          managementUrl: options.managementUrl,
          vhost: provisioned.vhost,
          environmentOf,
          tell,
        }),
      );
    if (!options.declaredMark || !existsSync(options.declaredMark)) await declared;
    const sandbox = programOf(PAYMENT_SANDBOX, endpoints.paymentSandbox);
    paymentSandbox = sandbox;
    for (const service of SERVICES) started.push(programOf(service, endpoints.services[service]));
    await Promise.all([
      options.mail ? undefined : mailServer.start(),
      declared,
      sandbox.start(),
      ...started.map((service) => service.start()),
    ]);
    if (options.declaredMark) writeFileSync(options.declaredMark, '');
    const byName = Object.fromEntries(started.map((service) => [service.name, service]));
    const services = byName as System['services'];
    return { endpoints, provisioned, services, paymentSandbox: sandbox, stop };
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

function describe(
  options: SystemOptions & { passwords: Passwords },
  provisioned: ProvisionedSystem,
  ports: Ports,
): Endpoints {
  const mail = options.mail ?? {
    smtpUrl: `smtp://127.0.0.1:${ports.smtp}`,
    inboxUrl: `http://127.0.0.1:${ports.mailInbox}`,
  };
  const urlOf = (program: ProgramName) => `http://127.0.0.1:${ports[program]}`;
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
    paymentSandbox: { url: urlOf(PAYMENT_SANDBOX), pid: 0, apiKey: paymentSecrets(options.passwords).apiKey },
  };
}

function serviceVariables(
  service: ServiceName,
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
  };
}
