import { ManagementApi } from '../infrastructure/management-api.ts';
import type { Passwords } from './passwords.ts';
import {
  GUEST,
  guestPermissions,
  permissionsOf,
  SERVICES,
  topicPermissionsOf,
  type Permissions,
  type ServiceName,
  type TopicPermission,
} from './rights.ts';

export interface BrokerTarget {
  /** As an administrator; the path is ignored. Several nodes of a cluster are separated by commas. */
  amqpUrl: string;
  /** As an administrator. */
  managementUrl: string;
  vhost: string;
  /** In front of the names of users, which all virtual hosts of a broker share. */
  userPrefix: string;
  passwords: Passwords;
}

export interface BrokerUrls {
  operator: string;
  guest: string;
  services: Record<ServiceName, string>;
}

/** Makes the virtual host, its users and their rights; what is there already is brought up to date. */
export async function provisionBroker(target: BrokerTarget): Promise<BrokerUrls> {
  const api = new ManagementApi(target.managementUrl);
  const vhost = encodeURIComponent(target.vhost);
  const nodes = target.amqpUrl.split(',').map((url) => new URL(url.trim()));
  await api.put(`/vhosts/${vhost}`, {});
  await api.put(`/permissions/${vhost}/${nodes[0]?.username}`, { configure: '.*', write: '.*', read: '.*' });

  const addUser = async (name: string, permissions: Permissions, topics: TopicPermission[]) => {
    const user = `${target.userPrefix}${name}`;
    const password = target.passwords(`broker/${user}`);
    await api.put(`/users/${encodeURIComponent(user)}`, { password, tags: '' });
    // The narrower rights first: without any for its topics a user may write all of them.
    for (const topic of topics) await api.put(`/topic-permissions/${vhost}/${encodeURIComponent(user)}`, topic);
    await api.put(`/permissions/${vhost}/${encodeURIComponent(user)}`, permissions);
    return urlFor(nodes, target.vhost, { user, password });
  };
  const [guest, ...services] = await Promise.all([
    addUser(GUEST, guestPermissions(), []),
    ...SERVICES.map((service) => addUser(service, permissionsOf(service), topicPermissionsOf(service))),
  ]);
  return {
    operator: urlFor(nodes, target.vhost),
    guest,
    services: Object.fromEntries(SERVICES.map((service, index) => [service, services[index]])) as BrokerUrls['services'],
  };
}

/** Removes the virtual host with all that is in it, and its users. */
export async function deprovisionBroker(target: Omit<BrokerTarget, 'passwords'>): Promise<void> {
  const api = new ManagementApi(target.managementUrl);
  await api.delete(`/vhosts/${encodeURIComponent(target.vhost)}`);
  for (const name of [GUEST, ...SERVICES]) await api.delete(`/users/${encodeURIComponent(target.userPrefix + name)}`);
}

function urlFor(nodes: URL[], vhost: string, as?: { user: string; password: string }): string {
  const urls = nodes.map((node) => {
    const url = new URL(node);
    url.pathname = `/${encodeURIComponent(vhost)}`;
    if (as) {
      url.username = as.user;
      url.password = as.password;
    }
    return url.href;
  });
  return urls.join(',');
}
