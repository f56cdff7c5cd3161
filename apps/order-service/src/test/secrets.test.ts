import type { ExecutionContext, NestInterceptor } from '@nestjs/common';
import { formatSequence, PlaceOrderV1, contractOf } from '@warren/contracts';
import { DeadLetters, PermanentFailure, type DeadLetter } from '@warren/messaging';
import { createLogger } from '@warren/observability';
import { startService, type RunningService } from '@warren/service';
import {
  createTestBroker,
  createTestDatabase,
  eventually,
  publishRaw,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import { throwError } from 'rxjs';
import { v7 as uuidv7 } from 'uuid';
import { orderService } from '../app.module.ts';

const TOKEN = 'tok_0815-v3ry-s3cret';
const HIDDEN = /s3cret/i;
const TYPE = contractOf(PlaceOrderV1).type;

describe('the payment token of an order that can not be placed', () => {
  let broker: TestBroker;
  let database: TestDatabase;
  let service: RunningService;
  let letters: DeadLetters;
  const lines: string[] = [];
  /** What the handler fails with, by the SKU that is ordered. */
  const failures: Readonly<Record<string, (command: PlaceOrderV1) => Error>> = {
    'SKU-FINAL': ({ paymentToken }) => new PermanentFailure(`can't do anything with ${paymentToken}`),
    'SKU-PASSING': (command) => new Error(`failed with ${JSON.stringify(command)}`),
  };
  const failing: NestInterceptor = {
    intercept(context: ExecutionContext, next) {
      const command = context.switchToRpc().getData<PlaceOrderV1>();
      const failure = failures[command.lines[0]!.sku];
      return failure ? throwError(() => failure(command)) : next.handle();
    },
  };

  beforeAll(async () => {
    [broker, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
    await database.query('CREATE SCHEMA order_service');
    service = await startService(
      {
        ...orderService,
        configure: (app) => {
          for (const microservice of app.getMicroservices()) microservice.useGlobalInterceptors(failing);
        },
      },
      {
        WARREN_DATABASE_URL: database.url,
        WARREN_AMQP_URL: broker.url,
        WARREN_HTTP_PORT: '0',
        WARREN_PAYMENT_PROVIDER: 'http',
        WARREN_PAYMENT_URL: 'http://127.0.0.1:1',
        WARREN_PAYMENT_API_KEY: 'key-of-a-test',
      },
      {
        logger: createLogger({
          service: 'order-service',
          level: 'trace',
          format: 'json',
          stream: { write: (line) => void lines.push(line) },
        }),
      },
    );
    letters = await DeadLetters.open({ brokerUrls: [broker.url], managementUrl: broker.managementUrl });
  });

  afterAll(async () => {
    await letters.close();
    await service.stop();
    await Promise.all([broker.close(), database.close()]);
  });

  function envelope(id: string, data: object): object {
    return {
      ...{ specversion: '1.0', id, source: '/warren/gateway', type: TYPE, subject: id },
      ...{ time: new Date().toISOString(), datacontenttype: 'application/json', correlationid: id },
      ...{ dataschema: `http://127.0.0.1/${TYPE}.json`, sequence: formatSequence(0), data },
    };
  }

  const command = (sku: string, different: object = {}): object => ({
    ...{ orderId: uuidv7(), customerId: uuidv7(), lines: [{ sku, quantity: 1 }] },
    ...{ acceptedAt: new Date().toISOString(), paymentToken: TOKEN, ...different },
  });

  const publish = (id: string, body: object | string) =>
    publishRaw(broker.url, 'orders.commands', TYPE, body, { messageId: id, type: TYPE });

  function deadLetter(id: string): Promise<DeadLetter> {
    return eventually(
      async () => {
        const found: DeadLetter[] = [];
        await letters.look({ ids: [id] }, (letter) => found.push(letter));
        if (!found[0]) throw new Error(`${id} is no dead letter yet`);
        return found[0];
      },
      { timeoutMs: 30_000 },
    );
  }

  it.each<[what: string, reason: string, body: (id: string) => object | string]>([
    ['another field is invalid', 'invalid', (id) => envelope(id, command('SKU-1', { orderId: 'o-1' }))],
    ['it is too long', 'invalid', (id) => envelope(id, command('SKU-1', { paymentToken: TOKEN.repeat(20) }))],
    ['it is no text', 'invalid', (id) => envelope(id, command('SKU-1', { paymentToken: [TOKEN] }))],
    ['the body is cut off', 'malformed', (id) => JSON.stringify(envelope(id, command('SKU-1'))).slice(0, -3)],
    ['the body is cut off in it', 'malformed', () => `{"data":{"paymentToken":"${TOKEN}`],
    ['the handler gives up and quotes it', 'permanent-failure', (id) => envelope(id, command('SKU-FINAL'))],
  ])('is in the message alone when %s', async (_what, reason, body) => {
    const id = uuidv7();
    await publish(id, body(id));
    const letter = await deadLetter(id);
    expect(letter.reason).toBe(reason);
    expect(letter.message.content.toString()).toMatch(HIDDEN); // it is redriven as it came
    expect(letter.headers['x-warren-error-message']).toEqual(expect.any(String));
    expect(JSON.stringify(letter.headers)).not.toMatch(HIDDEN);
    expect(JSON.stringify(letter.shown)).not.toMatch(HIDDEN);
    expect(lines.join('')).toContain(`${id} is dead-lettered (${reason})`);
    expect(lines.join('')).not.toMatch(HIDDEN);
  });

  it('is in the message alone when the handler fails and quotes all of it', async () => {
    const id = uuidv7();
    await publish(id, envelope(id, command('SKU-PASSING')));
    await eventually(() => {
      if (!lines.some((line) => line.includes(`${id} waits`))) throw new Error('it has not failed yet');
    });
    expect(lines.find((line) => line.includes(`${id} waits`))).toContain('failed with');
    expect(lines.join('')).not.toMatch(HIDDEN);
  });
});
