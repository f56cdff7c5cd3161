import { passwordsInMemory, type Passwords } from './passwords.ts';
import { deprovisionBroker, provisionBroker } from './provision-broker.ts';
import { deprovisionDatabase, provisionDatabase } from './provision-database.ts';
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
  /** For programs outside, as `guest-consumer`. */
  guestAmqpUrl: string;
  /** For the operator: the virtual host and the database as an administrator. */
  operatorAmqpUrl: string;
  operatorDatabaseUrl: string;
}

/**
 * The operator's step before services can run: virtual host, users, roles and schemas, with the rights that each
 * service needs and no more. Changes nothing when all is there.
 */
export async function provision(options: ProvisionOptions): Promise<ProvisionedSystem> {
  const { vhost = 'warren', database = 'warren', accountPrefix = '', passwords = passwordsInMemory() } = options;
  const [broker, databases] = await Promise.all([
    provisionBroker({ ...options, vhost, userPrefix: accountPrefix, passwords }),
    provisionDatabase({ url: options.databaseUrl, database, rolePrefix: accountPrefix, passwords }),
  ]);
  const services = SERVICES.map((service) => [
    service,
    { amqpUrl: broker.services[service], databaseUrl: databases.services[service] },
  ]);
  return {
    vhost,
    database,
    services: Object.fromEntries(services) as ProvisionedSystem['services'],
    guestAmqpUrl: broker.guest,
    operatorAmqpUrl: broker.operator,
    operatorDatabaseUrl: databases.operator,
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
