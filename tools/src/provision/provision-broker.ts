import { ManagementApi } from '../infrastructure/management-api.ts';
import type { Passwords } from './passwords.ts';
import {
  GUEST,
  GUEST_PRODUCER,
  guestPermissions,
  guestProducerPermissions,
  guestProducerTopicPermissions,
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
  guestProducer: string;
  services: Record<ServiceName, string>;
}

/** Makes the virtual host, its users and their rights; what is there already is brought up to date. */
export async function provisionBroker(target: BrokerTarget): Promise<void> {
  const api = new ManagementApi(target.managementUrl);
  const vhost = encodeURIComponent(target.vhost);
  const administrator = new URL(target.amqpUrl.split(',')[0] ?? '').username;
  await api.put(`/vhosts/${vhost}`, {});
  await api.put(`/permissions/${vhost}/${administrator}`, { configure: '.*', write: '.*', read: '.*' });

  const addUser = async (name: string, permissions: Permissions, topics: TopicPermission[]) => {
    const { user, password } = accountOf(name, target);
    await api.put(`/users/${encodeURIComponent(user)}`, { password, tags: '' });
    // The narrower rights first: without any for its topics a user may write all of them.
    for (const topic of topics)
      await api.put(`/topic-permissions/${vhost}/${encodeURIComponent(user)}`, topic);
    await api.put(`/permissions/${vhost}/${encodeURIComponent(user)}`, permissions);
  };
  await Promise.all([
    addUser(GUEST, guestPermissions(), []),
    addUser(GUEST_PRODUCER, guestProducerPermissions(), guestProducerTopicPermissions()),
    ...SERVICES.map((service) => addUser(service, permissionsOf(service), topicPermissionsOf(service))),
  ]);
}

/** How everybody reaches the virtual host, also before it is made. */
export function brokerUrls(target: BrokerTarget): BrokerUrls {
  const services = SERVICES.map((service) => [service, urlFor(target, accountOf(service, target))]);
  return {
    operator: urlFor(target),
    guest: urlFor(target, accountOf(GUEST, target)),
    guestProducer: urlFor(target, accountOf(GUEST_PRODUCER, target)),
    services: Object.fromEntries(services) as BrokerUrls['services'],
  };
}

/** Removes the virtual host with all that is in it, and its users. */
export async function deprovisionBroker(target: Omit<BrokerTarget, 'passwords'>): Promise<void> {
  const api = new ManagementApi(target.managementUrl);
  await api.delete(`/vhosts/${encodeURIComponent(target.vhost)}`);
  for (const name of [GUEST, GUEST_PRODUCER, ...SERVICES])
    await api.delete(`/users/${encodeURIComponent(target.userPrefix + name)}`);
}

interface Account {
  user: string;
  password: string;
}

function accountOf(name: string, target: BrokerTarget): Account {
  const user = `${target.userPrefix}${name}`;
  return { user, password: target.passwords(`broker/${user}`) };
}

function urlFor({ amqpUrl, vhost }: BrokerTarget, as?: Account): string {
  const nodes = amqpUrl.split(',').map((node) => {
    const url = new URL(node.trim());
    url.pathname = `/${encodeURIComponent(vhost)}`;
    if (as) {
      url.username = as.user;
      url.password = as.password;
    }
    return url.href;
  });
  return nodes.join(',');
}
