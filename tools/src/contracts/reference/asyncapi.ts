import { ENVELOPE_CONTENT_TYPE, envelopeSchemaOf, type Contract } from '@warren/contracts';
import type { Topology } from '@warren/messaging';
import { GUEST } from '../../provision/rights.ts';
import { replyTypeOf } from '../who-uses.ts';
import { exampleEnvelope } from './example-envelope.ts';
import { supersededBy, type ReferenceSources } from './load-reference.ts';
import { queueOf } from './queues.ts';
import { componentSchemas, refTo } from './schemas.ts';

/**
 * Where the document says that schemas are served. Whoever serves it puts the right address in its place, which is why
 * the document names it in `x-schema-base-url`.
 */
export const DOCUMENT_SCHEMA_BASE_URL = 'https://api.example.com/schemas';

/** What a provisioned broker has; the document can't name it by a variable where a binding asks for it. */
const VHOST = 'warren';
const BINDING_VERSION = '0.3.0';

const DESCRIPTION = `Every message that services of Warren exchange over RabbitMQ, and that other programs may build on.

**To listen to events** declare a queue of your own, bind it to the exchange of the event with its type as the binding
key (\`order.placed.v1\`), consume and acknowledge. The account for programs outside is \`${GUEST}\`. Commands and
requests are for the services that are named as their publishers.

**Each message** is a CloudEvents 1.0 envelope in structured mode around \`data\`, delivered at least once: \`source\` and
\`id\` together tell whether you have seen it. \`sequence\` grows with each message about one \`subject\`. Ignore fields
that you do not know: optional ones are added within a major version.

**Retries and dead letters** of the services' own queues are given with their operations, in \`x-queue\`.`;

/** The example of https://www.w3.org/TR/trace-context/ */
const EXAMPLE_TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const AMQP_HEADERS = {
  type: 'object',
  properties: {
    traceparent: {
      type: 'string',
      description: 'The trace that the message belongs to (W3C Trace Context), if any.',
    },
    tracestate: { type: 'string', description: 'Its vendor-specific part (W3C Trace Context), if any.' },
  },
};

/**
 * The AsyncAPI 3.0.0 document of contracts and topologies: a channel for each routing key, an operation for each service
 * that sends or receives there. Messages that are private to a service, and so no registered contracts, are not in it.
 *
 * Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0,
 * https://github.com/asyncapi/bindings/blob/master/amqp/README.md
 */
export function asyncApiDocument({ contracts, topologies }: ReferenceSources): object {
  const superseded = supersededBy(contracts);
  const byType = new Map(contracts.map((contract) => [contract.type, contract]));
  const askers = topologies.filter(({ repliesExchange }) => repliesExchange !== undefined);
  const services = [...new Set(topologies.map(({ service }) => service))].sort();
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Warren: messages',
      version: '1.0.0',
      description: DESCRIPTION,
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      tags: services.map((name) => ({
        name,
        description: `Messages that ${name} owns, and operations of ${name}.`,
      })),
    },
    defaultContentType: ENVELOPE_CONTENT_TYPE,
    'x-schema-base-url': DOCUMENT_SCHEMA_BASE_URL,
    servers: {
      amqp: server('amqp', '5672', 'RabbitMQ within a network that is trusted.'),
      amqps: server('amqps', '5671', 'RabbitMQ over TLS, where it is set up.'),
    },
    channels: {
      ...Object.fromEntries(
        contracts
          .filter(({ kind }) => kind !== 'reply')
          .map((contract) => [contract.type, channelOf(contract)]),
      ),
      ...Object.fromEntries(
        askers.map((asker) => [asker.repliesExchange!, repliesChannelOf(asker, contracts)]),
      ),
    },
    operations: Object.fromEntries(
      topologies.flatMap((topology) => operationsOf(topology, byType, contracts, askers)),
    ),
    'x-queues': queuesOf(topologies, byType),
    components: {
      schemas: componentSchemas(contracts, new Set(superseded.keys())),
      messages: Object.fromEntries(
        contracts.map((contract) => [contract.type, messageOf(contract, superseded.get(contract.type))]),
      ),
      correlationIds: {
        flow: {
          description:
            'The same in everything that follows from one request. The AMQP property `correlation-id` repeats it.',
          location: '$message.payload#/correlationid',
        },
        request: {
          description: 'The id of the request; its AMQP property `correlation-id` repeats it.',
          location: '$message.payload#/id',
        },
        reply: {
          description:
            'The id of the request that is answered; the AMQP property `correlation-id` repeats it.',
          location: '$message.payload#/causationid',
        },
      },
      securitySchemes: {
        account: {
          type: 'userPassword',
          description: 'A RabbitMQ account, as `npm run provision` makes them.',
        },
      },
    },
  };
}

/** Those that take registered messages. */
function queuesOf(topologies: readonly Topology[], byType: ReadonlyMap<string, Contract>): object {
  return Object.fromEntries(
    topologies.flatMap((topology) =>
      [...topology.consumers, ...topology.answerers]
        .filter(({ contracts }) => contracts.some(({ type }) => byType.has(type)))
        .map(({ queue }) => [queue, queueOf(topology, queue)]),
    ),
  );
}

function server(protocol: 'amqp' | 'amqps', port: string, description: string): object {
  return {
    host: '{host}:{port}',
    pathname: '/{vhost}',
    protocol,
    protocolVersion: '0.9.1',
    description,
    variables: {
      host: { default: '127.0.0.1', description: 'Name or address of a node of the cluster.' },
      port: { default: port, description: 'TCP port.' },
      vhost: { default: VHOST, description: 'Virtual host of Warren.' },
    },
    security: [{ $ref: '#/components/securitySchemes/account' }],
  };
}

const exchangeBinding = (name: string, type: 'topic' | 'direct'): object => ({
  amqp: {
    is: 'routingKey',
    exchange: { name, type, durable: true, autoDelete: false, vhost: VHOST },
    bindingVersion: BINDING_VERSION,
  },
});

const messageRef = (type: string): object => ({ $ref: `#/components/messages/${type}` });
const channelRef = (channel: string): object => ({ $ref: `#/channels/${channel}` });
const channelMessageRef = (channel: string, type: string): object => ({
  $ref: `#/channels/${channel}/messages/${type}`,
});

function channelOf({ type, exchange, description, owner }: Contract): object {
  return {
    address: type,
    title: type,
    description,
    messages: { [type]: messageRef(type) },
    tags: [{ name: owner }],
    bindings: exchangeBinding(exchange, 'topic'),
  };
}

function repliesChannelOf(
  { service, asks, repliesExchange }: Topology,
  contracts: readonly Contract[],
): object {
  const types = asks.flatMap(({ type }) => replyTypeOf(type, contracts) ?? []);
  return {
    address: null, // the routing key is the name of a queue that each process of the asker makes for itself
    title: `Answers to ${service}`,
    description: `Each process of ${service} has an exclusive queue here, whose name is its routing key and stands in the AMQP property \`reply-to\` of its requests.`,
    messages: Object.fromEntries(types.map((type) => [type, messageRef(type)])),
    tags: [{ name: service }],
    bindings: exchangeBinding(repliesExchange!, 'direct'),
  };
}

function messageOf(contract: Contract, replacement: string | undefined): object {
  const { type, kind, version, description, owner } = contract;
  return {
    name: type,
    title: type,
    summary: description,
    ...(replacement !== undefined && {
      description: `**Deprecated**: ${replacement} stands beside it and replaces it.`,
    }),
    contentType: ENVELOPE_CONTENT_TYPE,
    headers: AMQP_HEADERS,
    payload: envelopeSchemaOf(type, refTo(type)),
    correlationId: {
      $ref: `#/components/correlationIds/${kind === 'request' || kind === 'reply' ? kind : 'flow'}`,
    },
    tags: [{ name: owner, description: 'Decides on this message.' }, { name: kind }],
    externalDocs: { description: 'JSON Schema of `data`', url: `${DOCUMENT_SCHEMA_BASE_URL}/${type}.json` },
    bindings: { amqp: { messageType: type, bindingVersion: BINDING_VERSION } },
    examples: [
      {
        name: 'whole-message',
        headers: { traceparent: EXAMPLE_TRACE },
        payload: exampleEnvelope(contract, DOCUMENT_SCHEMA_BASE_URL),
      },
    ],
    'x-kind': kind,
    'x-owner': owner,
    'x-version': version,
    ...(replacement !== undefined && { 'x-deprecated': true, 'x-replaced-by': replacement }),
  };
}

type NamedOperation = [name: string, operation: object];

function operationsOf(
  topology: Topology,
  byType: ReadonlyMap<string, Contract>,
  contracts: readonly Contract[],
  askers: readonly Topology[],
): NamedOperation[] {
  const { service, publishes, consumers, answerers, asks } = topology;
  const registered = (of: readonly Contract[]): Contract[] =>
    of.flatMap(({ type }) => byType.get(type) ?? []);
  return [
    ...registered(publishes).map((contract) => sendOperation(service, contract)),
    ...registered(asks).map((contract) =>
      sendOperation(service, contract, replyOf(contract, contracts, topology)),
    ),
    ...consumers.flatMap(({ queue, contracts: handled }) =>
      registered(handled).map((contract) => receiveOperation(service, contract, queue)),
    ),
    ...answerers.flatMap(({ queue, contracts: handled }) =>
      registered(handled).map((contract) => {
        const asking = askers.filter((asker) => asker.asks.some(({ type }) => type === contract.type));
        // A reply has one channel: of several askers each has its own, and only the request says which it is.
        const only = asking.length === 1 ? asking[0] : undefined;
        return receiveOperation(service, contract, queue, replyOf(contract, contracts, only));
      }),
    ),
  ];
}

function sendOperation(service: string, contract: Contract, reply?: object): NamedOperation {
  const operation = operationOf('send', service, contract, {
    deliveryMode: 2,
    mandatory: true,
    timestamp: true,
  });
  return [`${service}.send.${contract.type}`, { ...operation, ...(reply && { reply }) }];
}

function receiveOperation(
  service: string,
  contract: Contract,
  queue: string,
  reply?: object,
): NamedOperation {
  const amqp = { ack: true, 'x-queue': { $ref: `#/x-queues/${queue}` } };
  const operation = operationOf('receive', service, contract, amqp, ` It comes from the queue ${queue}.`);
  return [`${service}.receive.${contract.type}`, { ...operation, ...(reply && { reply }) }];
}

function operationOf(
  action: 'send' | 'receive',
  service: string,
  { type, kind }: Contract,
  amqp: object,
  more = '',
): object {
  return {
    action,
    channel: channelRef(type),
    summary: `${service} ${VERBS[kind][action]} ${type}.${more}`,
    messages: [channelMessageRef(type, type)],
    tags: [{ name: service }],
    bindings: { amqp: { ...amqp, bindingVersion: BINDING_VERSION } },
  };
}

const VERBS = {
  event: { send: 'tells', receive: 'hears' },
  command: { send: 'commands', receive: 'carries out' },
  request: { send: 'asks', receive: 'answers' },
  reply: { send: 'answers', receive: 'gets' },
} as const;

function replyOf(request: Contract, contracts: readonly Contract[], asker: Topology | undefined): object {
  const replyType = replyTypeOf(request.type, contracts);
  if (replyType === undefined) {
    throw new Error(
      `${request.type} is answered by a message that is not registered: add its class to registry.ts`,
    );
  }
  const channel = asker?.repliesExchange;
  return {
    address: {
      location: '$message.header#/reply-to',
      description:
        'The AMQP property `reply-to` of the request: the routing key of the answer, on the exchange of its first two words.',
    },
    ...(channel !== undefined && {
      channel: channelRef(channel),
      messages: [channelMessageRef(channel, replyType)],
    }),
  };
}
