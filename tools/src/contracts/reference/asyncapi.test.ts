import { Parser } from '@asyncapi/parser';
import {
  allContracts,
  contractOf,
  DefineEvent,
  Describe,
  Nested,
  TextLength,
  type Contract,
} from '@warren/contracts';
import { defineTopology, type Topology } from '@warren/messaging';
import { Ajv } from 'ajv';
import { asyncApiDocument } from './asyncapi.ts';
import { loadReferenceSources, type ReferenceSources } from './load-reference.ts';

let sources: ReferenceSources;
let document: any;

beforeAll(async () => {
  sources = await loadReferenceSources();
  document = asyncApiDocument(sources);
});

/** What the official parser has to say, but for its advice to use the newest version of AsyncAPI. */
async function complaints(of: object): Promise<string[]> {
  const { diagnostics } = await new Parser().parse(JSON.stringify(of));
  return diagnostics
    .filter(({ code }) => code !== 'asyncapi-latest-version')
    .map(({ path, message }) => `${path.join('/')}: ${message}`);
}

function topologyOf(service: string): Topology {
  return sources.topologies.find((topology) => topology.service === service)!;
}

describe('the AsyncAPI document', () => {
  it('is valid by the official parser, without a warning', async () => {
    expect(document.asyncapi).toBe('3.0.0');
    expect(await complaints(document)).toEqual([]);
  });

  it('would not be, if a binding were wrong or an operation named a message that is not there', async () => {
    const broken = structuredClone(document);
    broken.channels['order.placed.v1'].bindings.amqp.is = 'exchange';
    broken.operations['gateway.send.order.place.v1'].messages[0].$ref =
      '#/channels/order.place.v1/messages/none';
    const found = (await complaints(broken)).join('\n');
    expect(found).toMatch(/channels\/order\.placed\.v1\/bindings/);
    expect(found).toMatch(/operations\/gateway\.send\.order\.place\.v1/);
  });

  it('has a channel for each routing key, on the exchange of its contract', () => {
    for (const { type, exchange, kind } of allContracts) {
      if (kind === 'reply') continue;
      expect(document.channels[type]).toMatchObject({
        address: type,
        bindings: {
          amqp: { is: 'routingKey', exchange: { name: exchange, type: 'topic', durable: true } },
        },
      });
    }
  });

  it('has an operation for everything that a service publishes and consumes, and no other', () => {
    const registered = (contracts: readonly Contract[]): string[] =>
      contracts.map(({ type }) => type).filter((type) => allContracts.some((each) => each.type === type));
    const expected = sources.topologies.flatMap(({ service, publishes, asks, consumers, answerers }) => [
      ...registered([...publishes, ...asks]).map((type) => `${service}.send.${type}`),
      ...registered([...consumers, ...answerers].flatMap(({ contracts }) => contracts)).map(
        (type) => `${service}.receive.${type}`,
      ),
    ]);
    expect(Object.keys(document.operations).sort()).toEqual(expected.sort());
    expect(Object.keys(document.operations)).toEqual(
      expect.arrayContaining(['gateway.send.order.place.v1', 'order-service.receive.order.place.v1']),
    );
  });

  it('says nothing of what is private to a service', () => {
    expect(topologyOf('email-service').publishes.map(({ type }) => type)).toContain('email.send-welcome.v1');
    expect(JSON.stringify(document)).not.toContain('send-welcome');
  });

  it('tells the queue of each consumer, as it is declared, with the way of what fails', () => {
    const { bindings } = document.operations['order-service.receive.order.place.v1'];
    expect(bindings.amqp).toEqual({
      ack: true,
      'x-queue': { $ref: '#/x-queues/order-service.commands' },
      bindingVersion: '0.3.0',
    });
    expect(document['x-queues']['order-service.commands']).toMatchObject({
      name: 'order-service.commands',
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'order-service.dead-letter' },
      attempts: 5,
      retries: {
        exchange: 'order-service.retry',
        queues: [
          { name: 'order-service.commands.retry.5s', delayMs: 5_000 },
          { name: 'order-service.commands.retry.30s', delayMs: 30_000 },
          { name: 'order-service.commands.retry.5m', delayMs: 300_000 },
          { name: 'order-service.commands.retry.30m', delayMs: 1_800_000 },
        ],
      },
      deadLetter: { exchange: 'order-service.dead-letter', queue: { name: 'order-service.commands.dead' } },
    });
  });

  it('tells of a request where its answer goes', () => {
    const reply = {
      address: { location: '$message.header#/reply-to' },
      channel: { $ref: '#/channels/gateway.replies' },
      messages: [{ $ref: '#/channels/gateway.replies/messages/product.listed.v1' }],
    };
    expect(document.operations['gateway.send.product.list.v1'].reply).toMatchObject(reply);
    expect(document.operations['order-service.receive.product.list.v1'].reply).toMatchObject(reply);
    expect(document.channels['gateway.replies']).toMatchObject({
      address: null,
      bindings: { amqp: { exchange: { name: 'gateway.replies', type: 'direct' } } },
    });
  });

  it('names owner, kind and version of each message', () => {
    for (const { type, owner, kind, version } of allContracts) {
      const message = document.components.messages[type];
      expect(message).toMatchObject({ 'x-owner': owner, 'x-kind': kind, 'x-version': version });
      expect(message.tags.map(({ name }: { name: string }) => name)).toEqual([owner, kind]);
    }
  });

  it('holds no account and no address of a running system', () => {
    const text = JSON.stringify(document.servers);
    expect(text).not.toMatch(/@|password"/);
    expect(document.servers.amqp.host).toBe('{host}:{port}');
  });
});

describe('schemas in the AsyncAPI document', () => {
  const validatorOf = (type: string) =>
    new Ajv({ strict: false, validateFormats: false }).compile({
      ...document.components.messages[type].payload,
      components: document.components,
    });

  it.each(allContracts.map(({ type }) => type))('accept the example of %s, and nothing less', (type) => {
    const validate = validatorOf(type);
    const { payload } = document.components.messages[type].examples[0];
    validate(payload);
    expect(validate.errors).toBeNull();
    for (const field of document.components.schemas[type].required) {
      const { [field]: _left, ...data } = payload.data;
      expect({ field, accepted: validate({ ...payload, data }) }).toEqual({ field, accepted: false });
    }
  });

  it('look into nested data, also where a field has words of its own beside the reference', () => {
    const validate = validatorOf('order.placed.v1');
    const { payload } = document.components.messages['order.placed.v1'].examples[0];
    const { data } = payload;
    expect(validate({ ...payload, data: { ...data, total: { amount: -1, currency: 'EUR' } } })).toBe(false);
    expect(validate({ ...payload, data: { ...data, lines: [{ ...data.lines[0], quantity: 0 }] } })).toBe(
      false,
    );
    expect(document.components.schemas['order.placed.v1'].properties.total.description).toMatch(/^Sum of/);
  });

  it('are flat, of no draft and without ids, so that every reader of AsyncAPI takes them', () => {
    const text = JSON.stringify(document);
    expect(text).not.toMatch(/"\$(?:defs|id|schema)"/);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1],
    );
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(references));
  });
});

describe('a contract or a service that is new', () => {
  it('is in the document with no further edit', async () => {
    const topology = defineTopology({
      service: 'parcel-service',
      consumes: [{ queue: 'orders', handles: [contractFor('order.confirmed.v1').dataClass] }],
    });
    const { operations, 'x-queues': queues } = asyncApiDocument({
      ...sources,
      topologies: [...sources.topologies, topology],
    }) as any;
    expect(operations['parcel-service.receive.order.confirmed.v1'].summary).toContain(
      'parcel-service.orders',
    );
    expect(queues['parcel-service.orders'].deadLetter.queue.name).toBe('parcel-service.orders.dead');
  });

  it('marks the version that it replaces as deprecated', async () => {
    const next: Contract = { ...contractFor('order.placed.v1'), type: 'order.placed.v2', version: 2 };
    const both: any = asyncApiDocument({ ...sources, contracts: [...allContracts, next] });
    expect(both.components.messages['order.placed.v1']).toMatchObject({
      description: expect.stringContaining('order.placed.v2'),
      'x-deprecated': true,
      'x-replaced-by': 'order.placed.v2',
    });
    expect(both.components.schemas['order.placed.v1'].deprecated).toBe(true);
    expect(both.components.messages['order.placed.v2']['x-deprecated']).toBeUndefined();
    expect(await complaints(both)).toEqual([]);
  });

  it('may have a nested class of the same name as another that differs', async () => {
    const contract = parcelPriced();
    const both: any = asyncApiDocument({ ...sources, contracts: [...allContracts, contract] });
    expect(Object.keys(both.components.schemas)).toEqual(
      expect.arrayContaining([
        'parcel.priced.v1.Money',
        'order.placed.v1.Money',
        'order.placed.v1.PricedLine',
      ]),
    );
    expect(both.components.schemas['parcel.priced.v1'].properties.price.allOf).toEqual([
      { $ref: '#/components/schemas/parcel.priced.v1.Money' },
    ]);
    expect(await complaints(both)).toEqual([]);
  });

  it('is refused when it is a request whose answer is not registered', () => {
    const contracts = allContracts.filter(({ type }) => type !== 'product.listed.v1');
    expect(() => asyncApiDocument({ ...sources, contracts })).toThrow(/product\.list\.v1.*registry\.ts/);
  });
});

const contractFor = (type: string): Contract => allContracts.find((contract) => contract.type === type)!;

/** A contract whose Money is not that of orders. */
function parcelPriced(): Contract {
  class Money {
    text!: string;
  }
  TextLength(1, 20)(Money.prototype, 'text');
  Describe('Amount and currency.')(Money.prototype, 'text');
  class ParcelPricedV1 {
    price!: Money;
  }
  Nested(() => Money)(ParcelPricedV1.prototype, 'price');
  Describe('What it costs.')(ParcelPricedV1.prototype, 'price');
  DefineEvent<ParcelPricedV1>({
    type: 'parcel.priced.v1',
    exchange: 'parcels.events',
    publishedBy: 'parcel-service',
    description: 'A price was found.',
    example: { price: { text: '2 EUR' } },
  })(ParcelPricedV1);
  return contractOf(ParcelPricedV1) as Contract;
}
