import type { RunningService } from '@warren/service';
import { captureMessages, eventually, type CapturedMessages } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { GatewayUnderTest, type Answer, type CallOptions, type SignedUpUser } from './gateway-under-test.ts';
import { startOrderServiceStandIn } from './order-service-stand-in.ts';

let gateway: GatewayUnderTest;
let orderService: RunningService;
let commands: CapturedMessages;
let ada: SignedUpUser;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  orderService = await startOrderServiceStandIn(gateway);
  commands = await captureMessages(gateway.broker.url, 'orders.commands', '#');
  ada = await gateway.signUp();
});

afterAll(async () => {
  await commands?.close();
  await orderService?.stop();
  await gateway?.stop();
});

const cancel = (id: string, key: string = uuidv7(), options: object = {}): Promise<Answer> =>
  gateway.call('POST', `/v1/orders/${id}/cancellation`, {
    token: ada.token,
    headers: { 'idempotency-key': key },
    ...options,
  });

const view = (id: string): Promise<Answer> => gateway.call('GET', `/v1/orders/${id}`, { token: ada.token });

const publishEvent = (type: string, orderId: string, sequence: number, change: object = {}) =>
  gateway.publishEvent(type, orderId, sequence, { orderId, customerId: ada.id, ...change });

const shown = (id: string, expected: object): Promise<void> =>
  eventually(async () => expect((await view(id)).body).toMatchObject(expected));

/** The commands to cancel this order, once nothing is on its way any more. */
async function commandsFor(orderId: string): Promise<unknown[]> {
  await eventually(async () => expect(await gateway.count('outbox')).toBe(0));
  return commands.all
    .map(({ json }) => json<{ type: string; subject: string }>())
    .filter(({ type, subject }) => type === 'order.cancel.v1' && subject === orderId);
}

const traces = () => gateway.counts('idempotency_keys', 'order_history', 'order_views', 'outbox');

async function expectRefused(answer: () => Promise<Answer>, status: number, type: string): Promise<any> {
  await eventually(async () => expect(await gateway.count('outbox')).toBe(0));
  const before = await traces();
  const { status: given, body } = await answer();
  expect({ status: given, type: body.type }).toEqual({ status, type: `/problems/${type}` });
  expect(await traces()).toEqual(before);
  return body;
}

describe('the wish to cancel an order', () => {
  it('is accepted, seen at once, and told to order-service', async () => {
    const id = await gateway.order(ada.token);
    const before = await view(id);
    expect(before.body.cancellation).toBeNull();
    const { status, headers, body } = await cancel(id);
    expect(status).toBe(202);
    expect(body).toEqual({ id, status: 'accepted' });
    expect(headers.get('location')).toBe(`/v1/orders/${id}`);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);

    const after = await view(id);
    const requestedAt = after.body.cancellation?.requestedAt;
    expect(after.body).toEqual({
      ...before.body,
      cancellation: { status: 'requested', requestedAt: expect.any(String) },
      history: [...before.body.history, { type: 'order.cancellation-requested', at: requestedAt }],
    });
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
    expect(await commandsFor(id)).toMatchObject([
      {
        type: 'order.cancel.v1',
        sequence: '0000000000',
        correlationid: headers.get('x-request-id'),
        data: { orderId: id, customerId: ada.id, requestedAt },
      },
    ]);
  });

  it('says how the order stands at this moment', async () => {
    const id = await gateway.order(ada.token);
    await publishEvent('order.placed.v1', id, 1);
    await publishEvent('order.payment-requested.v1', id, 2);
    await shown(id, { status: 'awaiting-payment' });
    expect((await cancel(id)).body).toEqual({ id, status: 'awaiting-payment' });
  });

  it('is accepted as well of an order that has come to its end: order-service has the last word', async () => {
    const id = await gateway.order(ada.token);
    await publishEvent('order.placed.v1', id, 1);
    await publishEvent('order.confirmed.v1', id, 2);
    await shown(id, { status: 'confirmed' });
    expect(await cancel(id)).toMatchObject({ status: 202, body: { status: 'confirmed' } });
    await shown(id, { status: 'confirmed', cancellation: { status: 'requested' } });

    const refusedAt = new Date().toISOString();
    await publishEvent('order.cancellation-refused.v1', id, 3, { refusedAt });
    const cancellation = { status: 'refused', reason: 'already-confirmed', refusedAt };
    await shown(id, { status: 'confirmed', cancellation, version: 3 });
    // A refusal is told once, so a further wish doesn't hide it.
    expect((await cancel(id)).status).toBe(202);
    await shown(id, { cancellation });
    expect(await commandsFor(id)).toHaveLength(2);
  });

  it('is fulfilled when the order is cancelled: then its status says it', async () => {
    const id = await gateway.order(ada.token);
    await cancel(id);
    await publishEvent('order.cancelled.v1', id, 2, { reason: 'customer' });
    await shown(id, { status: 'cancelled', reason: 'customer', cancellation: null });
    expect(await cancel(id)).toMatchObject({ status: 202, body: { status: 'cancelled' } });
    await shown(id, { status: 'cancelled', cancellation: null });
  });

  it('is void when the order is rejected', async () => {
    const id = await gateway.order(ada.token);
    await cancel(id);
    await publishEvent('order.rejected.v1', id, 1);
    await shown(id, { status: 'rejected', reason: 'insufficient-stock', cancellation: null });
  });

  it('is in the history once, however often it is told', async () => {
    const id = await gateway.order(ada.token);
    await cancel(id);
    const first = await view(id);
    await cancel(id);
    expect((await view(id)).body).toEqual(first.body);
    expect(await commandsFor(id)).toHaveLength(2);
  });

  it('is shown in the list as by itself', async () => {
    const { token } = await gateway.signUp();
    const id = await gateway.order(token);
    await cancel(id, uuidv7(), { token });
    const { body } = await gateway.call('GET', '/v1/orders', { token });
    expect(body.items).toEqual([(await gateway.call('GET', `/v1/orders/${id}`, { token })).body]);
    expect(body.items[0].cancellation.status).toBe('requested');
  });

  it('leaves nothing behind when the outbox refuses the command', async () => {
    const id = await gateway.order(ada.token);
    await eventually(async () => expect(await gateway.count('outbox')).toBe(0));
    await gateway.database.query(
      `ALTER TABLE gateway.outbox ADD CONSTRAINT none CHECK (routing_key <> 'order.cancel.v1') NOT VALID`,
    );
    try {
      await expectRefused(() => cancel(id), 500, 'internal');
    } finally {
      await gateway.database.query('ALTER TABLE gateway.outbox DROP CONSTRAINT none');
    }
    expect((await view(id)).body.cancellation).toBeNull();
  });
});

describe('its Idempotency-Key', () => {
  it('gets the stored answer again, although the order stands otherwise by now', async () => {
    const id = await gateway.order(ada.token);
    const key = uuidv7();
    const first = await cancel(id, key);
    await publishEvent('order.placed.v1', id, 1);
    await shown(id, { status: 'placed' });
    const again = await cancel(id, key);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('location')).toBe(`/v1/orders/${id}`);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await commandsFor(id)).toHaveLength(1);
  });

  it('makes one command of 20 simultaneous calls', async () => {
    const id = await gateway.order(ada.token);
    const key = uuidv7();
    const answers = await Promise.all(Array.from({ length: 20 }, () => cancel(id, key)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
    expect(await commandsFor(id)).toHaveLength(1);
  });

  it('is refused for another order, and for another call', async () => {
    const [one, other] = [await gateway.order(ada.token), await gateway.order(ada.token)];
    const key = uuidv7();
    await cancel(one, key);
    await expectRefused(() => cancel(other, key), 422, 'idempotency-key-reused');
    const place = () =>
      gateway.call('POST', '/v1/orders', {
        token: ada.token,
        headers: { 'idempotency-key': key },
        json: { lines: [{ sku: 'SKU-TEAPOT', quantity: 1 }] },
      });
    await expectRefused(place, 422, 'idempotency-key-reused');
  });
});

describe('the call to cancel', () => {
  it('takes no body, an empty one, and an empty object', async () => {
    const id = await gateway.order(ada.token);
    const json = { 'content-type': 'application/json' };
    for (const options of [
      {},
      { json: {} },
      { headers: json, body: '' },
      { headers: json },
      { headers: json, body: ' {} ' },
    ]) {
      const { headers = {}, ...body } = options as CallOptions;
      const answer = await cancel(id, uuidv7(), {
        ...body,
        headers: { ...headers, 'idempotency-key': uuidv7() },
      });
      expect({ options, status: answer.status }).toEqual({ options, status: 202 });
    }
  });

  it("hides somebody else's order as if there were none", async () => {
    const id = await gateway.order(ada.token);
    const grace = await gateway.signUp();
    const theirs = await expectRefused(() => cancel(id, uuidv7(), { token: grace.token }), 404, 'not-found');
    const nobodys = await expectRefused(
      () => cancel(uuidv7(), uuidv7(), { token: grace.token }),
      404,
      'not-found',
    );
    expect({ ...theirs, instance: '' }).toEqual({ ...nobodys, instance: '' });
    expect(await commandsFor(id)).toEqual([]);
  });

  it('knows an order also when its id is written in capitals', async () => {
    const id = await gateway.order(ada.token);
    const key = uuidv7();
    expect((await cancel(id.toUpperCase(), key)).body).toEqual({ id, status: 'accepted' });
    expect((await cancel(id, key)).headers.get('idempotency-replayed')).toBe('true');
    expect(await commandsFor(id)).toHaveLength(1);
  });

  it('is refused with what it does not know', async () => {
    const id = await gateway.order(ada.token);
    const body = (content: unknown, contentType = 'application/json') => ({
      headers: { 'content-type': contentType, 'idempotency-key': uuidv7() },
      body: content,
    });
    const refused = (options: object, status: number, type: string) =>
      expectRefused(() => cancel(id, uuidv7(), options), status, type);

    for (const [content, pointer] of [
      ['{"reason": "changed my mind"}', '/reason'],
      ['{"constructor": 1}', '/constructor'],
      ['[]', ''],
      ['null', ''],
      ['"please"', ''],
    ]) {
      const { errors } = await refused(body(content), 400, 'validation');
      expect(errors).toEqual([{ in: 'body', pointer, detail: expect.any(String) }]);
    }
    for (const content of [
      '{',
      'please',
      '{"__proto__": {}}',
      '['.repeat(50_000),
      Buffer.from([0x22, 0xff, 0x22]),
    ]) {
      await refused(body(content), 400, 'malformed-json');
    }
    await refused(body(`{"a": ${'{"a":'.repeat(20)}1${'}'.repeat(21)}`), 400, 'malformed-json');
    for (const contentType of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      await refused(body('{}', contentType), 415, 'unsupported-media-type');
    }
    await refused(body(`{"a": "${'x'.repeat(300_000)}"}`), 413, 'content-too-large');
    for (const key of ['', 'two words', 'k'.repeat(256)]) {
      await refused({ headers: { 'idempotency-key': key } }, 400, 'idempotency-key-missing');
    }
    await refused({ headers: {} }, 400, 'idempotency-key-missing');
    await refused({ token: undefined }, 401, 'missing-token');
    await expectRefused(() => cancel('1'), 400, 'validation');
    expect(await commandsFor(id)).toEqual([]);
  });

  it('is refused when its key came twice, and when its headers are endless', async () => {
    const id = await gateway.order(ada.token);
    const request = (...fields: string[]) =>
      gateway.raw(
        [
          `POST /v1/orders/${id}/cancellation HTTP/1.1`,
          'host: x',
          'connection: close',
          `authorization: Bearer ${ada.token}`,
          ...fields,
          '\r\n',
        ].join('\r\n'),
      );
    const twice = await request('idempotency-key: one', 'idempotency-key: one', 'content-length: 0');
    expect(JSON.parse(twice.body)).toMatchObject({ type: '/problems/idempotency-key-missing' });
    const endless = await request('idempotency-key: one', `x: ${'x'.repeat(20_000)}`);
    expect(JSON.parse(endless.body)).toMatchObject({ type: '/problems/headers-too-large' });
    const fine = await request('idempotency-key: one', 'content-length: 0');
    expect(fine.status).toBe(202);
  });
});
