import { passwordsInMemory, type Passwords } from './passwords.ts';
import { brokerUrls, deprovisionBroker, provisionBroker } from './provision-broker.ts';
import { databaseUrls, deprovisionDatabase, provisionDatabase } from './provision-database.ts';
import { SERVICES, type ServiceName } from './rights.ts';

export interface ProvisionOptions {
  /** RabbitMQ, as an administrator. */
  amqpUrl: string;
  /** RabbitMQ's management API, as an administrator. */
  managementUrl: string;
  /** PostgreSQL, as a superuser or a role that may create roles and databases. */
  databaseUrl: string;
  /** Default `warren`. */
  vhost?: string;
  /** Default `warren`. */
  database?: string;
  /**
   * In front of the names of broker users and database roles, for systems that share a broker or a server.
   * Default: nothing.
   */
  accountPrefix?: string;
  /** Default: new ones, kept in memory. */
  passwords?: Passwords;
}

export interface ServiceCredentials {
  /** As the service's own user, with the virtual host. */
  amqpUrl: string;
  /** As the service's own role, with the database. */
  databaseUrl: string;
}

export interface ProvisionedSystem {
  vhost: string;
  database: string;
  services: Record<ServiceName, ServiceCredentials>;
  /** For programs outside that listen, as `guest-consumer`. */
  guestAmqpUrl: string;
  /** For programs outside that are trusted to order for any customer, as `guest-producer`. */
  guestProducerAmqpUrl: string;
  /** For the operator: the virtual host and the database as an administrator. */
  operatorAmqpUrl: string;
  operatorDatabaseUrl: string;
}

/** What is to be made, and how everybody will reach it. */
export interface ProvisioningPlan {
  system: ProvisionedSystem;
  provisionBroker(): Promise<void>;
  provisionDatabase(): Promise<void>;
}

/**
 * The operator's step before services can run: virtual host, users, roles and schemas, with the rights that each
 * service needs and no more. Changes nothing when all is there.
 */
export async function provision(options: ProvisionOptions): Promise<ProvisionedSystem> {
  const plan = planProvisioning(options);
  await Promise.all([plan.provisionBroker(), plan.provisionDatabase()]);
  return plan.system;
}

/** The same in steps of their own, for servers that come up one after the other. */
export function planProvisioning(options: ProvisionOptions): ProvisioningPlan {
  const {
    vhost = 'warren',
    database = 'warren',
    accountPrefix = '',
    passwords = passwordsInMemory(),
  } = options;
  const { amqpUrl, managementUrl, databaseUrl } = options;
  const broker = { amqpUrl, managementUrl, vhost, userPrefix: accountPrefix, passwords };
  const databases = { url: databaseUrl, database, rolePrefix: accountPrefix, passwords };
  const ofBroker = brokerUrls(broker);
  const ofDatabase = databaseUrls(databases);
  const services = SERVICES.map((service) => [
    service,
    { amqpUrl: ofBroker.services[service], databaseUrl: ofDatabase.services[service] },
  ]);
  return {
    system: {
      vhost,
      database,
      services: Object.fromEntries(services) as ProvisionedSystem['services'],
      guestAmqpUrl: ofBroker.guest,
      guestProducerAmqpUrl: ofBroker.guestProducer,
      operatorAmqpUrl: ofBroker.operator,
      operatorDatabaseUrl: ofDatabase.operator,
    },
    provisionBroker: () => provisionBroker(broker),
    provisionDatabase: () => provisionDatabase(databases),
  };
}

/** Takes back what {@link provision} made, with all data. */
export async function deprovision(options: ProvisionOptions): Promise<void> {
  const { vhost = 'warren', database = 'warren', accountPrefix = '' } = options;
  await Promise.all([
    deprovisionBroker({ ...options, vhost, userPrefix: accountPrefix }),
    deprovisionDatabase({ url: options.databaseUrl, database, rolePrefix: accountPrefix }),
  ]);
}
