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

/**
 * Makes the database, and for each service a role and the schema that it owns; what is there already is brought
 * up to date. A role reaches its own schema and no other.
 */
export async function provisionDatabase(target: DatabaseTarget): Promise<DatabaseUrls> {
  await connected(target.url, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [target.database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(target.database)}`);
  });
  const operator = urlFor(target.url, target.database);
  const services: Partial<Record<ServiceName, string>> = {};
  await connected(operator, async (client) => {
    const database = escapeIdentifier(target.database);
    await client.query('BEGIN');
    await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
    for (const service of SERVICES) {
      const name = roleOf(service, target.rolePrefix);
      const password = target.passwords(`database/${name}`);
      await makeRole(client, name, password);
      const role = escapeIdentifier(name);
      const schema = escapeIdentifier(schemaOf(service));
      await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${role}`);
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${role}`);
      await client.query(`REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC`);
      await client.query(`ALTER ROLE ${role} IN DATABASE ${database} SET search_path = ${schema}`);
      services[service] = urlFor(target.url, target.database, { user: name, password });
    }
    await client.query('COMMIT');
  });
  return { operator, services: services as Record<ServiceName, string> };
}

/** Removes the database and its roles, whoever is connected. */
export async function deprovisionDatabase(target: Omit<DatabaseTarget, 'passwords'>): Promise<void> {
  await connected(target.url, async (client) => {
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

async function makeRole(client: Client, name: string, password: string): Promise<void> {
  const role = escapeIdentifier(name);
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name]);
  const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
  await client.query(`${verb} ROLE ${role} LOGIN PASSWORD ${escapeLiteral(password)}`);
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

function urlFor(base: string, database: string, as?: { user: string; password: string }): string {
  const url = new URL(base);
  url.pathname = `/${encodeURIComponent(database)}`;
  if (as) {
    url.username = as.user;
    url.password = as.password;
  }
  return url.href;
}
