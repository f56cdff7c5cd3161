import { Module } from '@nestjs/common';
import {
  contractOf,
  formatSequence,
  ListProductsV1,
  PlaceOrderV1,
  type EventEnvelope,
} from '@warren/contracts';
import { defineTopology, Outbox, Requests } from '@warren/messaging';
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

@Module({})
class Nothing {}

/** Stands in for the gateway: sends commands through an outbox and asks for the catalogue. */
const client = defineService({
  name: 'gateway',
  description: 'Sends commands to order-service',
  defaultPort: 0,
  topology: defineTopology({ service: 'gateway', publishes: [PlaceOrderV1], asks: [ListProductsV1] }),
  entities: [],
  migrations: [],
  module: () => Nothing,
  readiness: 'outbox',
});

export type OrderEvent = EventEnvelope<Record<string, unknown>>;

const FINAL = new Set(['order.confirmed.v1', 'order.rejected.v1']);

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
    readonly service: RunningService,
    readonly client: RunningService,
    readonly events: CapturedMessages,
    readonly deadLetters: CapturedMessages,
  ) {}

  static async start(): Promise<OrderServiceRig> {
    const [broker, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
    await database.query('CREATE SCHEMA order_service; CREATE SCHEMA gateway');
    const environment = {
      WARREN_DATABASE_URL: database.url,
      WARREN_AMQP_URL: broker.url,
      WARREN_HTTP_PORT: '0',
      WARREN_LOG_LEVEL: 'error',
    };
    const service = await startService(orderService, environment);
    const asking = await startService(client, environment);
    const events = await captureMessages(broker.url, 'orders.events', '#');
    const deadLetters = await captureMessages(broker.url, 'order-service.dead-letter', '#');
    return new OrderServiceRig(broker, database, service, asking, events, deadLetters);
  }

  async stop(): Promise<void> {
    await Promise.all([this.client.stop(), this.service.stop()]);
    await Promise.all([this.events.close(), this.deadLetters.close()]);
    await Promise.all([this.broker.close(), this.database.close()]);
  }

  command(lines: Line[], orderId: string = uuidv7()): PlaceOrderV1 {
    return { orderId, customerId: uuidv7(), lines, acceptedAt: new Date().toISOString() };
  }

  /** Sends all commands as the gateway does, in one transaction. */
  async send(...commands: PlaceOrderV1[]): Promise<void> {
    const outbox = this.client.app.get(Outbox);
    await this.client.app.get(DataSource).transaction(async (tx) => {
      for (const data of commands) {
        await outbox.append(tx, PlaceOrderV1, { subject: data.orderId, sequence: 0, data });
      }
    });
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
      { timeoutMs: 30_000 },
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

  /** Runs `work` and waits until `count` more commands have ended in this way. */
  async until(count: number, outcome: 'done' | 'duplicate', work: () => Promise<unknown>): Promise<void> {
    const before = await this.handled('commands', outcome);
    await work();
    await eventually(
      async () => {
        const more = (await this.handled('commands', outcome)) - before;
        if (more < count) throw new Error(`${more} commands ended as ${outcome}, not ${count}`);
      },
      { timeoutMs: 30_000 },
    );
  }
}
