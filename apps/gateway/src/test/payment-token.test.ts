import type { RunningService } from '@warren/service';
import { captureMessages, eventually, type CapturedMessages } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { capturedLog, GatewayUnderTest, type SignedUpUser } from './gateway-under-test.ts';
import { startOrderServiceStandIn } from './order-service-stand-in.ts';

let sandboxed: GatewayUnderTest;
/** The same gateway, with a payment provider that wants to be paid. */
let paid: RunningService;
let orderService: RunningService;
let commands: CapturedMessages;
let ada: SignedUpUser;
const { lines: logLines, logger } = capturedLog();

beforeAll(async () => {
  sandboxed = await GatewayUnderTest.start({}, undefined, { logger });
  orderService = await startOrderServiceStandIn(sandboxed);
  paid = await sandboxed.startReplica({ WARREN_PAYMENT_PROVIDER: 'http' });
  commands = await captureMessages(sandboxed.broker.url, 'orders.commands', 'order.place.#');
  ada = await sandboxed.signUp();
});

afterAll(async () => {
  await commands?.close();
  await paid?.stop();
  await orderService?.stop();
  await sandboxed?.stop();
});

const lines = [{ sku: 'SKU-TEAPOT', quantity: 1 }];

async function place(
  url: string,
  json: object,
  key: string = uuidv7(),
): Promise<{ status: number; body: any }> {
  const response = await fetch(`${url}/v1/orders`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ada.token}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify(json),
  });
  return { status: response.status, body: await response.json() };
}

const commandOf = async (orderId: string): Promise<any> =>
  (await commands.next(({ json }) => json<any>().subject === orderId)).json();

/** Every row of every table of the gateway, as text. */
async function everythingStored(): Promise<string> {
  const tables = await sandboxed.database.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'gateway'`,
  );
  expect(tables.length).toBeGreaterThan(10);
  const rows: string[] = [];
  for (const { name } of tables) {
    const found = await sandboxed.database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    rows.push(...found.map(({ row }) => row));
  }
  return rows.join('\n');
}

describe('a payment token', () => {
  it('may be left out where payments are made in the sandbox, and is then left out of the command', async () => {
    const { status, body } = await place(sandboxed.service.url, { lines });
    expect(status).toBe(202);
    expect((await commandOf(body.id)).data).not.toHaveProperty('paymentToken');
  });

  it('is passed on where it is given', async () => {
    for (const url of [sandboxed.service.url, paid.url]) {
      const { status, body } = await place(url, { lines, paymentToken: 'tok_declined' });
      expect(status).toBe(202);
      expect((await commandOf(body.id)).data.paymentToken).toBe('tok_declined');
    }
  });

  it('is required elsewhere', async () => {
    const before = await sandboxed.counts('order_views', 'idempotency_keys');
    const { status, body } = await place(paid.url, { lines });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      type: '/problems/validation',
      errors: [{ in: 'body', pointer: '/paymentToken', detail: expect.any(String) }],
    });
    expect(await sandboxed.counts('order_views', 'idempotency_keys')).toEqual(before);
  });

  it('is part of what was asked for: another one is another call', async () => {
    const key = uuidv7();
    const first = await place(paid.url, { lines, paymentToken: 'tok_one' }, key);
    expect((await place(paid.url, { lines, paymentToken: 'tok_one' }, key)).body).toEqual(first.body);
    expect((await place(paid.url, { lines, paymentToken: 'tok_two' }, key)).status).toBe(422);
  });

  it('stands in no answer, no log line and no row, once its command is published', async () => {
    const token = `tok-${uuidv7()}`;
    const key = uuidv7();
    const accepted = await place(paid.url, { lines, paymentToken: token }, key);
    const again = await place(paid.url, { lines, paymentToken: token }, key);
    const refused = await place(paid.url, { lines: [], paymentToken: token });
    const unknown = await place(paid.url, { lines, paymentToken: token, coupon: 1 });
    const tooLong = await place(paid.url, { lines, paymentToken: token.repeat(10) });
    const seen = await sandboxed.call('GET', `/v1/orders/${accepted.body.id}`, { token: ada.token });
    expect([accepted, again, refused, unknown, tooLong, seen].map(({ status }) => status)).toEqual([
      202, 202, 400, 400, 400, 200,
    ]);
    await sandboxed.database.query(
      `ALTER TABLE gateway.outbox ADD CONSTRAINT none CHECK (routing_key <> 'order.place.v1') NOT VALID`,
    );
    const failed = await place(paid.url, { lines, paymentToken: token });
    await sandboxed.database.query('ALTER TABLE gateway.outbox DROP CONSTRAINT none');
    expect(failed.status).toBe(500);

    expect((await commandOf(accepted.body.id)).data.paymentToken).toBe(token);
    await eventually(async () => expect(await sandboxed.count('outbox')).toBe(0));

    const log = logLines.join('');
    expect(log).toContain('POST /v1/orders failed');
    expect(log).toContain('POST /v1/orders 202');
    const places = {
      answers: JSON.stringify([accepted, again, refused, unknown, tooLong, failed, seen.body]),
      log,
      rows: await everythingStored(),
    };
    expect(places.rows).toContain(accepted.body.id);
    for (const [name, text] of Object.entries(places)) {
      for (const form of [token, Buffer.from(token).toString('hex'), Buffer.from(token).toString('base64')]) {
        expect({ name, holdsIt: text.includes(form) }).toEqual({ name, holdsIt: false });
      }
    }
  });
});
