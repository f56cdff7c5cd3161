import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * Everything that Warren makes on this machine while it is developed: `.warren`, which git ignores. With
 * `WARREN_LOCAL_DIRECTORY` a clone can have another system beside it.
 */
export const LOCAL_DIRECTORY = resolve(process.env['WARREN_LOCAL_DIRECTORY'] || join(ROOT, '.warren'));

/**
 * Where unpacked server packages are kept, for all clones of this user and across `npm run reset`:
 * `$XDG_CACHE_HOME/warren` or ~/.cache/warren; where neither can be written, .warren/cache.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const directory = join(base, 'warren');
  try {
    mkdirSync(directory, { recursive: true });
    return directory;
  } catch {
    return join(LOCAL_DIRECTORY, 'cache');
  }
}

/** The servers that tests use. Those that are set are used as they are; the others are started. */
export const TEST_SERVER_VARIABLES = [
  'WARREN_TEST_AMQP_URL',
  'WARREN_TEST_AMQP_MANAGEMENT_URL',
  'WARREN_TEST_DATABASE_URL',
] as const;

export type TestServerVariable = (typeof TEST_SERVER_VARIABLES)[number];

/** @throws when a broker is named without its management API, or the other way round. */
export function givenTestServers(
  env: NodeJS.ProcessEnv = process.env,
): Partial<Record<TestServerVariable, string>> {
  const given: Partial<Record<TestServerVariable, string>> = {};
  for (const name of TEST_SERVER_VARIABLES) {
    const value = env[name];
    if (value) given[name] = value;
  }
  if (!given.WARREN_TEST_AMQP_URL !== !given.WARREN_TEST_AMQP_MANAGEMENT_URL) {
    throw new Error('Set both WARREN_TEST_AMQP_URL and WARREN_TEST_AMQP_MANAGEMENT_URL, or neither.');
  }
  return given;
}

/** Servers that the user runs, as administrators reach them; undefined: a private one is started. */
export interface GivenServers {
  broker: { amqpUrl: string; managementUrl: string; vhost: string } | undefined;
  database: { url: string; database: string } | undefined;
  mail: { smtpUrl: string; inboxUrl: string | null } | undefined;
}

/**
 * | variable | |
 * |---|---|
 * | `WARREN_AMQP_URL` | administrator of RabbitMQ; its path is the virtual host, default `warren` |
 * | `WARREN_AMQP_MANAGEMENT_URL` | the same broker's management API |
 * | `WARREN_DATABASE_URL` | administrator of PostgreSQL; its path is the database, default `warren` |
 * | `WARREN_SMTP_URL` | mail server |
 * | `WARREN_MAIL_INBOX_URL` | where its mails can be seen, as in MailDev; optional |
 *
 * @throws when a value cannot be used.
 */
export function givenServers(env: NodeJS.ProcessEnv = process.env): GivenServers {
  const read = (name: string, protocols: string[]): URL | undefined => {
    const value = env[name];
    if (!value) return undefined;
    const url = URL.parse(value.split(',')[0] ?? '');
    if (!url || !protocols.includes(url.protocol)) {
      throw new Error(
        `${name} must be a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
      );
    }
    return url;
  };
  const amqp = read('WARREN_AMQP_URL', ['amqp:', 'amqps:']);
  const management = read('WARREN_AMQP_MANAGEMENT_URL', ['http:', 'https:']);
  const database = read('WARREN_DATABASE_URL', ['postgres:', 'postgresql:']);
  const smtp = read('WARREN_SMTP_URL', ['smtp:', 'smtps:']);
  const inbox = read('WARREN_MAIL_INBOX_URL', ['http:', 'https:']);
  if (!amqp !== !management) {
    throw new Error(
      'Set both WARREN_AMQP_URL and WARREN_AMQP_MANAGEMENT_URL, or neither. The second is the management API of ' +
        'the same broker, for example http://<administrator>:<password>@127.0.0.1:15672',
    );
  }
  const name = (url: URL, unless: string) => {
    const path = decodeURIComponent(url.pathname.slice(1));
    return path === '' || path === unless ? 'warren' : path;
  };
  return {
    broker: amqp &&
      management && {
        amqpUrl: env['WARREN_AMQP_URL'] ?? '',
        managementUrl: withoutSlash(management),
        vhost: name(amqp, '/'),
      },
    database: database && { url: database.href, database: name(database, 'postgres') },
    mail: smtp && { smtpUrl: smtp.href, inboxUrl: inbox ? withoutSlash(inbox) : null },
  };
}

function withoutSlash(url: URL): string {
  return url.href.replace(/\/$/, '');
}

/** What a service process inherits from ours, and what it is given. */
export function serviceEnvironment(
  given: Record<string, string>,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  // Jest's own settings are not for the services that an end-to-end test starts.
  const { NODE_ENV, NODE_OPTIONS, JEST_WORKER_ID: _, ...inherited } = env;
  const options = (NODE_OPTIONS ?? '').replace('--experimental-vm-modules', '').trim();
  return {
    ...inherited,
    ...(options ? { NODE_OPTIONS: options } : {}),
    NODE_ENV: NODE_ENV && NODE_ENV !== 'test' ? NODE_ENV : 'production',
    ...given,
  };
}
