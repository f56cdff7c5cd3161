import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { givenServers, LOCAL_DIRECTORY } from '../config.ts';
import { passwordsIn } from '../provision/passwords.ts';
import { provision } from '../provision/provision.ts';
import { GUEST, GUEST_PRODUCER } from '../provision/rights.ts';

/**
 * The operator's step on servers that the environment names: makes virtual host, users, roles and schemas, and
 * writes for each service a file of environment variables (`node --env-file`) with its own credentials. Passwords
 * that are there already are kept.
 *
 *     npm run provision -- [directory]      default .warren/credentials
 */
const [argument] = process.argv.slice(2);
const directory = argument === undefined ? join(LOCAL_DIRECTORY, 'credentials') : resolve(argument);

try {
  const { broker, database } = givenServers();
  if (!broker || !database) {
    throw new Error(
      'Name the servers, as administrators reach them: WARREN_AMQP_URL, WARREN_AMQP_MANAGEMENT_URL and WARREN_DATABASE_URL.',
    );
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const system = await provision({
    ...broker,
    databaseUrl: database.url,
    database: database.database,
    passwords: passwordsIn(join(directory, 'passwords.json')),
  });
  for (const [service, { amqpUrl, databaseUrl }] of Object.entries(system.services)) {
    await write(service, { WARREN_AMQP_URL: amqpUrl, WARREN_DATABASE_URL: databaseUrl });
  }
  await write(GUEST, { WARREN_AMQP_URL: system.guestAmqpUrl });
  await write(GUEST_PRODUCER, { WARREN_AMQP_URL: system.guestProducerAmqpUrl });
  console.log(
    `Virtual host "${system.vhost}" and database "${system.database}" are provisioned. Credentials: ${directory}`,
  );
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function write(name: string, variables: Record<string, string>): Promise<void> {
  const file = join(directory, `${name}.env`);
  const lines = Object.entries(variables).map(([variable, value]) => `${variable}="${value}"\n`);
  await writeFile(`${file}.new`, lines.join(''), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
