/**
 * Who may do what on the broker. The operator's own list, written by hand and read before it is granted: what a
 * service declares about itself is not what it is given. A test holds it against the contracts.
 */

export const SERVICES = ['gateway', 'order-service', 'email-service', 'file-worker'] as const;

export type ServiceName = (typeof SERVICES)[number];

export interface ServiceRights {
  /** Public exchanges that the service declares. */
  owns: string[];
  /** Exchanges that it publishes to, with what it may say there: routing keys without their version. */
  publishes: Record<string, string[]>;
  /** Exchanges of others to which it binds its queues. */
  bindsTo: string[];
}

export const RIGHTS: Record<ServiceName, ServiceRights> = {
  gateway: {
    owns: ['users.events', 'files.events'],
    publishes: {
      'users.events': ['user.registered', 'user.preferences-changed'],
      'orders.commands': ['order.place', 'order.cancel', 'order.record-payment', 'product.list'],
      'files.events': ['file.uploaded'],
      'files.commands': ['file.cancel'],
    },
    bindsTo: ['orders.events', 'files.events'],
  },
  'order-service': {
    owns: ['orders.commands', 'orders.events'],
    publishes: {
      'orders.events': [
        'order.placed',
        'order.payment-requested',
        'order.confirmed',
        'order.rejected',
        'order.cancelled',
        'order.cancellation-refused',
        'order.payment-refunded',
      ],
    },
    bindsTo: ['orders.commands'],
  },
  'email-service': {
    owns: ['emails.events'],
    publishes: { 'emails.events': ['email.sent', 'email.failed'] },
    bindsTo: ['users.events', 'orders.events', 'files.events'],
  },
  'file-worker': {
    owns: ['files.commands'],
    publishes: { 'files.events': ['file.progressed', 'file.processed', 'file.rejected'] },
    bindsTo: ['files.events', 'files.commands'],
  },
};

/** Exchanges for replies, which are direct: keys are the names of queues, so there is nothing more to restrict. */
export const REPLIES: { exchange: string; answeredBy: ServiceName[] }[] = [
  { exchange: 'gateway.replies', answeredBy: ['order-service'] },
];

/** The user for programs outside Warren, which listen. */
export const GUEST = 'guest-consumer';

/**
 * The user for programs outside that order in the name of customers. order-service takes a command's customer as it
 * is named, as it does from the gateway: this account is for programs that are trusted as the gateway is.
 */
export const GUEST_PRODUCER = 'guest-producer';

/** What it may say, as in {@link ServiceRights.publishes}. */
export const GUEST_PUBLISHES = { 'orders.commands': ['order.place'] };

/** What anybody may subscribe to. */
export const EVENT_EXCHANGES = ['users.events', 'orders.events', 'files.events', 'emails.events'];

/** Regular expressions, as RabbitMQ takes them: https://www.rabbitmq.com/docs/access-control#authorisation */
export interface Permissions {
  configure: string;
  write: string;
  read: string;
}

export interface TopicPermission {
  exchange: string;
  write: string;
  read: string;
}

/**
 * On the resources of a virtual host. Names are matched from beginning to end; the default exchange, which the
 * broker calls `amq.default` here, matches nothing.
 */
export function permissionsOf(service: ServiceName): Permissions {
  const { owns, publishes, bindsTo } = RIGHTS[service];
  const answers = REPLIES.filter(({ answeredBy }) => answeredBy.includes(service)).map(
    ({ exchange }) => exchange,
  );
  return {
    configure: pattern([service], owns),
    write: pattern([service], [...Object.keys(publishes), ...answers]),
    read: pattern([service], [...owns, ...bindsTo]),
  };
}

/** On the routing keys of the topic exchanges that a service may write to at all. */
export function topicPermissionsOf(service: ServiceName): TopicPermission[] {
  return topicPermissions(RIGHTS[service].publishes);
}

function topicPermissions(publishes: ServiceRights['publishes']): TopicPermission[] {
  return Object.entries(publishes).map(([exchange, types]) => ({
    exchange,
    write: `^(${types.map(escape).join('|')})\\.v[0-9]+$`,
    read: '.*', // binding keys
  }));
}

/** Queues of its own, by name or named by the broker, bound to the event exchanges, and nothing to write to. */
export function guestPermissions(): Permissions {
  const own = [GUEST, 'amq.gen-'];
  return { configure: pattern(own, []), write: pattern(own, []), read: pattern(own, EVENT_EXCHANGES) };
}

/** Nothing of its own, nothing to read, and one exchange to write to. */
export function guestProducerPermissions(): Permissions {
  return { configure: '^$', write: pattern([], Object.keys(GUEST_PUBLISHES)), read: '^$' };
}

export function guestProducerTopicPermissions(): TopicPermission[] {
  return topicPermissions(GUEST_PUBLISHES);
}

/** Names that start with one of `prefixes` (followed by a dot, unless it ends with a hyphen) or are one of `names`. */
function pattern(prefixes: string[], names: string[]): string {
  const starts = prefixes.map((prefix) => `${escape(prefix)}${prefix.endsWith('-') ? '' : '\\.'}.*`);
  return `^(${[...starts, ...[...new Set(names)].map((name) => escape(name))].join('|')})$`;
}

function escape(text: string): string {
  return text.replaceAll('.', '\\.');
}
