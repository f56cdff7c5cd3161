import { Module } from '@nestjs/common';
import {
  CancelOrderV1,
  contractOf,
  formatSequence,
  ListProductsV1,
  PlaceOrderV1,
  RecordPaymentV1,
  type DataClass,
  type EventEnvelope,
} from '@warren/contracts';
import { defineTopology, newMessage, Outbox, Requests } from '@warren/messaging';
import { defineService, startService, type RunningService } from '@warren/service';
import {
  captureMessages,
  createTestBroker,
  createTestDatabase,
  eventually,
  publishRaw,
  type CapturedMessages,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { orderService } from '../app.module.ts';
import { ScriptedPaymentProvider, type AskedPayment } from './scripted-payment-provider.ts';

@Module({})
class Nothing {}

/** Stands in for the gateway: sends commands through an outbox and asks for the catalogue. */
const client = defineService({
  name: 'gateway',
  description: 'Sends commands to order-service',
  defaultPort: 0,
  topology: defineTopology({
    service: 'gateway',
    publishes: [PlaceOrderV1, CancelOrderV1, RecordPaymentV1],
    asks: [ListProductsV1],
  }),
  entities: [],
  migrations: [],
  module: () => Nothing,
  readiness: 'outbox',
});

export type OrderEvent = EventEnvelope<Record<string, unknown>>;

const FINAL = new Set(['order.confirmed.v1', 'order.rejected.v1', 'order.cancelled.v1']);

export interface Line {
  sku: string;
  quantity: number;
}

/** An order-service on a broker and a database of its own, and a client of it. */
export class OrderServiceRig {
  readonly #byOrder = new Map<string, OrderEvent[]>();
  #read = 0;

  private constructor(
    readonly broker: TestBroker,
    readonly database: TestDatabase,
    readonly provider: ScriptedPaymentProvider,
    readonly environment: Record<string, string>,
    public service: RunningService,
    readonly client: RunningService,
    readonly events: CapturedMessages,
    readonly deadLetters: CapturedMessages,
  ) {}

  static async start(more: Record<string, string> = {}): Promise<OrderServiceRig> {
    const [broker, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
    await database.query('CREATE SCHEMA order_service; CREATE SCHEMA gateway');
    const provider = await ScriptedPaymentProvider.start((payment) => rig.#decide(payment));
    const environment = {
      WARREN_DATABASE_URL: database.url,
      WARREN_AMQP_URL: broker.url,
      WARREN_HTTP_PORT: '0',
      WARREN_LOG_LEVEL: 'error',
      WARREN_PAYMENT_PROVIDER: 'sandbox',
      WARREN_PAYMENT_URL: provider.url,
      WARREN_PAYMENT_API_KEY: provider.apiKey,
      ...more,
    };
    const service = await startService(orderService, environment);
    const asking = await startService(client, environment);
    const events = await captureMessages(broker.url, 'orders.events', '#');
    const deadLetters = await captureMessages(broker.url, 'order-service.dead-letter', '#');
    const rig: OrderServiceRig = new OrderServiceRig(
      broker,
      database,
      provider,
      environment,
      service,
      asking,
      events,
      deadLetters,
    );
    return rig;
  }

  /** Stops the service and starts it anew, as a deployment does. */
  async restart(between: () => Promise<unknown> = async () => undefined): Promise<void> {
    await this.service.stop();
    await between();
    this.service = await startService(orderService, this.environment);
  }

  /** A second replica of the service. */
  startReplica(): Promise<RunningService> {
    return startService(orderService, this.environment);
  }

  async stop(): Promise<void> {
    await Promise.all([this.client.stop(), this.service.stop()]);
    await Promise.all([this.events.close(), this.deadLetters.close(), this.provider.close()]);
    await Promise.all([this.broker.close(), this.database.close()]);
  }

  /** @param paymentToken `tok_ok` and `tok_declined` are decided at once, all others by the test. Default: none. */
  command(lines: Line[], paymentToken?: string): PlaceOrderV1 {
    return {
      orderId: uuidv7(),
      customerId: uuidv7(),
      lines,
      acceptedAt: new Date().toISOString(),
      ...(paymentToken !== undefined && { paymentToken }),
    };
  }

  /** Sends all commands as the gateway does, in one transaction. */
  send(...commands: PlaceOrderV1[]): Promise<void> {
    return this.#send(PlaceOrderV1, commands);
  }

  cancel(...orders: Pick<PlaceOrderV1, 'orderId' | 'customerId'>[]): Promise<void> {
    const requestedAt = new Date().toISOString();
    return this.#send(
      CancelOrderV1,
      orders.map(({ orderId, customerId }) => ({ orderId, customerId, requestedAt })),
    );
  }

  /** Tells the provider's decision on the payment of an order. */
  decide(
    orderId: string,
    outcome: RecordPaymentV1['outcome'],
    different: Partial<RecordPaymentV1> = {},
  ): Promise<void> {
    const payment = this.provider.payments.get(orderId);
    return this.#send(RecordPaymentV1, [
      {
        orderId,
        paymentId: payment?.id ?? `pay_${orderId.replaceAll('-', '')}`,
        outcome,
        amount: payment?.amount ?? { amount: 0, currency: 'EUR' },
        callbackId: `evt_${uuidv7()}`,
        occurredAt: new Date().toISOString(),
        ...different,
      },
    ]);
  }

  async #decide({ reference, token }: AskedPayment): Promise<void> {
    if (token === 'tok_ok') await this.decide(reference, 'approved');
    if (token === 'tok_declined') await this.decide(reference, 'declined');
  }

  async #send<T extends { orderId: string }>(dataClass: DataClass<T>, all: T[]): Promise<void> {
    const outbox = this.client.app.get(Outbox);
    await this.client.app.get(DataSource).transaction((tx) =>
      outbox.appendAll(
        tx,
        all.map((data) => newMessage(dataClass, { subject: data.orderId, sequence: 0, data })),
      ),
    );
  }

  envelope(data: PlaceOrderV1, id: string = uuidv7()): EventEnvelope<PlaceOrderV1> {
    const { type } = contractOf(PlaceOrderV1);
    return {
      specversion: '1.0',
      id,
      source: '/warren/gateway',
      type,
      subject: data.orderId,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      dataschema: `http://127.0.0.1:7080/schemas/${type}.json`,
      sequence: formatSequence(0),
      correlationid: id,
      data,
    };
  }

  /** Publishes this body as it is, past every check of ours. */
  async publish(body: object | string): Promise<void> {
    await publishRaw(this.broker.url, 'orders.commands', contractOf(PlaceOrderV1).type, body, {
      contentType: 'application/cloudevents+json; charset=utf-8',
    });
  }

  requests(): Requests {
    return this.client.app.get(Requests);
  }

  /** Makes a product of the test's own, so that tests don't take each other's stock. */
  async product(available: number, unitPrice = 1000): Promise<string> {
    const sku = `SKU-${uuidv7()}`;
    await this.database.query(
      `INSERT INTO order_service.products (sku, name, unit_price, currency) VALUES ($1, 'Name of ' || $1, $2, 'EUR')`,
      [sku, unitPrice],
    );
    await this.database.query(`INSERT INTO order_service.stock (sku, available) VALUES ($1, $2)`, [
      sku,
      available,
    ]);
    return sku;
  }

  async available(sku: string): Promise<number> {
    const [row] = await this.database.query<{ available: number }>(
      'SELECT available FROM order_service.stock WHERE sku = $1',
      [sku],
    );
    return row!.available;
  }

  /** Events of one order so far, in the order of their arrival. */
  eventsOf(orderId: string): OrderEvent[] {
    for (; this.#read < this.events.all.length; this.#read++) {
      const event = this.events.all[this.#read]!.json<OrderEvent>();
      const known = this.#byOrder.get(event.subject);
      if (known) known.push(event);
      else this.#byOrder.set(event.subject, [event]);
    }
    return this.#byOrder.get(orderId) ?? [];
  }

  /** Waits until the order has an event of this type, and returns the types of all until then. */
  heard(orderId: string, type: string): Promise<string[]> {
    return eventually(
      () => {
        const types = this.eventsOf(orderId).map((event) => event.type);
        if (!types.includes(type)) throw new Error(`order ${orderId} has ${types.join()}, not ${type}`);
        return types;
      },
      { timeoutMs: 30_000 },
    );
  }

  /** Waits until each order has its last event, and returns all events of each. */
  ended(orderIds: readonly string[]): Promise<OrderEvent[][]> {
    return eventually(
      () =>
        orderIds.map((orderId) => {
          const events = this.eventsOf(orderId);
          if (!events.some(({ type }) => FINAL.has(type))) {
            throw new Error(
              `order ${orderId} has not ended; its events: ${events.map(({ type }) => type).join()}`,
            );
          }
          return events;
        }),
      { timeoutMs: 120_000 },
    );
  }

  /** How many deliveries from this queue have ended in this way so far, as the service itself counts them. */
  async handled(queue: string, outcome: 'done' | 'duplicate'): Promise<number> {
    const metrics = await (await fetch(`${this.service.url}/metrics`)).text();
    const labels = `messaging_destination_name="order-service.${queue}",warren_outcome="${outcome}"`;
    const line = metrics
      .split('\n')
      .find((each) => each.startsWith('messaging_client_consumed_messages_total{') && each.includes(labels));
    return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ')));
  }

  /** Runs `work` and waits until `count` more messages of the queue have ended in this way. */
  async until(
    count: number,
    outcome: 'done' | 'duplicate',
    work: () => Promise<unknown>,
    queue = 'commands',
  ): Promise<void> {
    const before = await this.handled(queue, outcome);
    await work();
    await eventually(
      async () => {
        const more = (await this.handled(queue, outcome)) - before;
        if (more < count) throw new Error(`${more} messages of ${queue} ended as ${outcome}, not ${count}`);
      },
      { timeoutMs: 30_000 },
    );
  }
}
