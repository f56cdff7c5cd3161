import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import type { Passwords } from './passwords.ts';
import { SERVICES, type ServiceName } from './rights.ts';

export interface DatabaseTarget {
  /** As a superuser, or as a role that may create roles and databases; its database is where to connect first. */
  url: string;
  /** Made when it is not there. */
  database: string;
  /** In front of the names of roles, which all databases of a server share. */
  rolePrefix: string;
  passwords: Passwords;
}

export interface DatabaseUrls {
  operator: string;
  services: Record<ServiceName, string>;
}

/** PostgreSQL's code for a database that is not there. */
const NO_SUCH_DATABASE = '3D000';

/**
 * Makes the database, and for each service a role and the schema that it owns; what is there already is brought
 * up to date. A role reaches its own schema and no other.
 */
export async function provisionDatabase(target: DatabaseTarget): Promise<void> {
  await ensureDatabase(target);
  await connected(urlFor(target), async (client) => {
    const database = escapeIdentifier(target.database);
    await client.query('BEGIN');
    await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
    for (const service of SERVICES) {
      const account = accountOf(service, target);
      await makeRole(client, account);
      const role = escapeIdentifier(account.role);
      const schema = escapeIdentifier(schemaOf(service));
      await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${role}`);
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${role}`);
      await client.query(`REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC`);
      await client.query(`ALTER ROLE ${role} IN DATABASE ${database} SET search_path = ${schema}`);
    }
    await client.query('COMMIT');
  });
}

async function ensureDatabase(target: DatabaseTarget): Promise<void> {
  const create = (url: string) =>
    connected(url, async (client) => {
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [
        target.database,
      ]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(target.database)}`);
    });
  try {
    await create(target.url);
  } catch (error) {
    // The URL may name the database that is yet to be made.
    if ((error as { code?: string }).code !== NO_SUCH_DATABASE) throw error;
    await create(maintenanceUrl(target.url));
  }
}

/** How everybody reaches the database, also before it is made. */
export function databaseUrls(target: DatabaseTarget): DatabaseUrls {
  const services = SERVICES.map((service) => [service, urlFor(target, accountOf(service, target))]);
  return { operator: urlFor(target), services: Object.fromEntries(services) as DatabaseUrls['services'] };
}

/** Removes the database and its roles, whoever is connected. */
export async function deprovisionDatabase(target: Omit<DatabaseTarget, 'passwords'>): Promise<void> {
  await connected(maintenanceUrl(target.url), async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(target.database)} WITH (FORCE)`);
    for (const service of SERVICES) {
      await client.query(`DROP ROLE IF EXISTS ${escapeIdentifier(roleOf(service, target.rolePrefix))}`);
    }
  });
}

/** Names in PostgreSQL are written with underscores. */
export function schemaOf(service: ServiceName): string {
  return service.replaceAll('-', '_');
}

function roleOf(service: ServiceName, prefix: string): string {
  return `${prefix}${schemaOf(service)}`;
}

interface Account {
  role: string;
  password: string;
}

function accountOf(service: ServiceName, { rolePrefix, passwords }: DatabaseTarget): Account {
  const role = roleOf(service, rolePrefix);
  return { role, password: passwords(`database/${role}`) };
}

async function makeRole(client: Client, account: Account): Promise<void> {
  const role = escapeIdentifier(account.role);
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [account.role]);
  const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
  await client.query(`${verb} ROLE ${role} LOGIN PASSWORD ${escapeLiteral(account.password)}`);
  // A superuser may do everything for a role; another operator has to be one of its members to give it a schema.
  const { rows } = await client.query<{ superuser: boolean }>(
    'SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user',
  );
  if (!rows[0]?.superuser) await client.query(`GRANT ${role} TO CURRENT_USER`);
}

async function connected<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The database that every server has, to connect to when another is to be made or dropped. */
function maintenanceUrl(url: string): string {
  return Object.assign(new URL(url), { pathname: '/postgres' }).href;
}

function urlFor(target: DatabaseTarget, as?: Account): string {
  const url = new URL(target.url);
  url.pathname = `/${encodeURIComponent(target.database)}`;
  if (as) {
    url.username = as.role;
    url.password = as.password;
  }
  return url.href;
}
