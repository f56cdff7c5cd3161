import { randomBytes } from 'node:crypto';
import { testServers } from './config.ts';
import { eventually } from './eventually.ts';
import { ManagementApi } from './management-api.ts';

/** Regular expressions of the names that a broker user may configure, write to and read from. */
export interface BrokerPermissions {
  configure: string;
  write: string;
  read: string;
}

/** A virtual host that belongs to one test. */
export interface TestBroker {
  /** AMQP URL of the virtual host, with an administrator's credentials. */
  readonly url: string;
  /** URL of the management API, with an administrator's credentials. */
  readonly managementUrl: string;
  readonly vhost: string;
  /** Management calls; `/api` is put before the path. Names in the path must be URI-encoded. */
  readonly management: ManagementApi;
  /** Makes a broker user with these rights on the virtual host alone, and returns its AMQP URL. */
  createUser(permissions: BrokerPermissions): Promise<string>;
  /** Has the broker close every connection to the virtual host, as an operator would. Returns how many there were. */
  closeConnections(): Promise<number>;
  /** Drops the virtual host, its users and whatever is still connected. May be called twice. */
  close(): Promise<void>;
}

/**
 * Makes a virtual host of the test's own, so that tests in parallel don't see each other.
 *
 * @throws Error when the address of a server is not set.
 */
export async function createTestBroker(): Promise<TestBroker> {
  const servers = testServers();
  const management = new ManagementApi(servers.managementUrl);
  const vhost = `test-${process.pid}-${randomBytes(6).toString('hex')}`;
  const administrator = decodeURIComponent(new URL(servers.amqpUrl).username);
  const users: string[] = [];

  await management.call('PUT', `/vhosts/${vhost}`);
  await management.call('PUT', `/permissions/${vhost}/${encodeURIComponent(administrator)}`, {
    configure: '.*',
    write: '.*',
    read: '.*',
  });

  function urlOf(username: string, password: string): string {
    const url = new URL(servers.amqpUrl);
    url.username = username;
    url.password = password;
    url.pathname = `/${vhost}`;
    return url.href;
  }

  return {
    url: urlOf(administrator, decodeURIComponent(new URL(servers.amqpUrl).password)),
    managementUrl: servers.managementUrl,
    vhost,
    management,

    async createUser(permissions) {
      const name = `${vhost}-user-${users.length + 1}`;
      const password = randomBytes(12).toString('hex');
      await management.call('PUT', `/users/${name}`, { password, tags: '' });
      users.push(name);
      await management.call('PUT', `/permissions/${vhost}/${name}`, permissions);
      return urlOf(name, password);
    },

    async closeConnections() {
      // The list is made from statistics that come seconds late, so a connection that was just opened may be missing.
      const connections = await eventually(async () => {
        const list = await management.call<{ name: string }[]>('GET', `/vhosts/${vhost}/connections`);
        if (list.length === 0) throw new Error(`the broker reports no connection to ${vhost}`);
        return list;
      });
      for (const { name } of connections) {
        await management.call('DELETE', `/connections/${encodeURIComponent(name)}`);
      }
      return connections.length;
    },

    async close() {
      await management.call('DELETE', `/vhosts/${vhost}`);
      for (const name of users) await management.call('DELETE', `/users/${name}`);
    },
  };
}
