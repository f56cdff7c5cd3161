import { givenServers } from '../config.ts';
import { ENDPOINTS_FILE, readEndpoints } from '../system/endpoints.ts';
import { UsageError } from './exit-codes.ts';

/** Where an operator's command finds the broker, with an administrator's credentials. */
export interface BrokerAddress {
  /** One for each node, with the virtual host. */
  brokerUrls: string[];
  managementUrl: string;
  vhost: string;
  /** What named it, for messages. */
  namedBy: string;
}

/** The options of every command that talks to the broker. */
export const BROKER_OPTIONS = {
  url: { type: 'string' },
  'management-url': { type: 'string' },
} as const;

export const BROKER_USAGE = `Which broker, as its administrator:
  --url <amqp://user:password@host:port/vhost> --management-url <http://user:password@host:port>
  or WARREN_AMQP_URL and WARREN_AMQP_MANAGEMENT_URL in the environment
  or, with neither, the system that \`npm start\` runs`;

/**
 * By the options, else by the environment, else by the system that runs here.
 *
 * @throws UsageError when none of them names one
 */
export async function findBroker(
  options: { url?: string | undefined; 'management-url'?: string | undefined },
  env: NodeJS.ProcessEnv = process.env,
  endpointsFile = ENDPOINTS_FILE,
): Promise<BrokerAddress> {
  const { url, 'management-url': management } = options;
  if (!url !== !management)
    throw new UsageError('--url and --management-url go together: give both or neither');
  if (url && management)
    return given({ WARREN_AMQP_URL: url, WARREN_AMQP_MANAGEMENT_URL: management }, 'the options');
  const { WARREN_AMQP_URL, WARREN_AMQP_MANAGEMENT_URL } = env;
  if (WARREN_AMQP_URL || WARREN_AMQP_MANAGEMENT_URL) {
    return given({ WARREN_AMQP_URL, WARREN_AMQP_MANAGEMENT_URL }, 'the environment');
  }
  const endpoints = await readEndpoints(endpointsFile);
  if (!endpoints) {
    throw new UsageError(
      'No broker is named, and no system runs here. Run `npm start` in another terminal, or name a broker (--help)',
    );
  }
  const { amqpAdmin, amqpManagement } = endpoints;
  return given(
    { WARREN_AMQP_URL: amqpAdmin, WARREN_AMQP_MANAGEMENT_URL: amqpManagement },
    '.warren/endpoints.json',
  );
}

function given(named: NodeJS.ProcessEnv, namedBy: string): BrokerAddress {
  let broker;
  try {
    ({ broker } = givenServers(named));
  } catch (error) {
    throw new UsageError(`What ${namedBy} say about the broker can't be used: ${(error as Error).message}`);
  }
  if (!broker) throw new UsageError('No broker is named');
  const { vhost, managementUrl } = broker;
  const brokerUrls = broker.amqpUrl.split(',').map((each) => {
    const url = new URL(each.trim());
    url.pathname = `/${encodeURIComponent(vhost)}`;
    return url.href;
  });
  return { brokerUrls, managementUrl, vhost, namedBy };
}
