import type { RunningService } from '@warren/service';
import { captureMessages, eventually, type CapturedMessages } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { GatewayUnderTest, type Answer, type SignedUpUser } from './gateway-under-test.ts';
import { CATALOGUE, startOrderServiceStandIn } from './order-service-stand-in.ts';

let gateway: GatewayUnderTest;
let orderService: RunningService;
let commands: CapturedMessages;
let ada: SignedUpUser;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  orderService = await startOrderServiceStandIn(gateway);
  commands = await captureMessages(gateway.broker.url, 'orders.commands', 'order.#');
  ada = await gateway.signUp();
});

afterAll(async () => {
  await commands?.close();
  await orderService?.stop();
  await gateway?.stop();
});

const lines = [
  { sku: 'SKU-TEAPOT', quantity: 2 },
  { sku: 'SKU-CUP', quantity: 100_000 },
];

const place = (json: unknown, key: string = uuidv7(), token = ada.token) =>
  gateway.call('POST', '/v1/orders', { token, headers: { 'idempotency-key': key }, json });

const view = (id: string, headers: Record<string, string> = {}, token = ada.token) =>
  gateway.call('GET', `/v1/orders/${id}`, { token, headers });

const publishEvent = (type: string, orderId: string, sequence: number) =>
  gateway.publishEvent(type, orderId, sequence, { orderId, customerId: ada.id });

const teapots = [
  { sku: 'SKU-TEAPOT', name: 'Teapot', quantity: 2, unitPrice: { amount: 2450, currency: 'EUR' } },
];

describe('placing an order', () => {
  it('is accepted, seen at once, and told to order-service', async () => {
    const { status, headers, body } = await place({ lines });
    expect(status).toBe(202);
    expect(body).toEqual({ id: expect.any(String), status: 'accepted' });
    expect(headers.get('location')).toBe(`/v1/orders/${body.id}`);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(headers.get('idempotency-replayed')).toBeNull();

    const seen = await gateway.call('GET', headers.get('location')!, { token: ada.token });
    expect(seen.status).toBe(200);
    expect(seen.body).toEqual({
      id: body.id,
      status: 'accepted',
      cancellation: null,
      lines,
      total: null,
      version: 0,
      history: [{ type: 'order.accepted', at: expect.any(String) }],
    });

    const command = await commands.next(({ json }) => json<any>().subject === body.id);
    expect(command.routingKey).toBe('order.place.v1');
    expect(command.json()).toMatchObject({
      sequence: '0000000001',
      correlationid: headers.get('x-request-id'),
      data: { orderId: body.id, customerId: ada.id, lines, acceptedAt: seen.body.history[0].at },
    });
  });

  it('accepts a SKU that nobody knows: whether it exists is not for the gateway to say', async () => {
    const { status } = await place({ lines: [{ sku: 'NO-SUCH-THING', quantity: 1 }] });
    expect(status).toBe(202);
  });

  it('leaves nothing behind when the outbox refuses the command', async () => {
    await gateway.database.query(
      `ALTER TABLE gateway.outbox ADD CONSTRAINT no_commands CHECK (routing_key <> 'order.place.v1') NOT VALID`,
    );
    const before = await gateway.counts('order_views', 'order_history', 'idempotency_keys');
    try {
      const { status, body } = await place({ lines });
      expect(status).toBe(500);
      expect(body).toMatchObject({ type: '/problems/internal' });
      expect(JSON.stringify(body)).not.toMatch(/outbox|constraint/i);
    } finally {
      await gateway.database.query('ALTER TABLE gateway.outbox DROP CONSTRAINT no_commands');
    }
    const after = await gateway.counts('order_views', 'order_history', 'idempotency_keys');
    expect(after).toEqual(before);
  });
});

describe('an Idempotency-Key', () => {
  it('gets the stored answer again, also when the JSON is written differently', async () => {
    const key = uuidv7();
    const first = await place({ lines }, key);
    const again = await gateway.call('POST', '/v1/orders', {
      token: ada.token,
      headers: { 'idempotency-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ lines: lines.map(({ sku, quantity }) => ({ quantity, sku })) }, null, 2),
    });
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(again.headers.get('retry-after')).toBe(first.headers.get('retry-after'));
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
  });

  it('is refused for another payload', async () => {
    const key = uuidv7();
    await place({ lines }, key);
    const { status, body } = await place({ lines: [{ sku: 'SKU-TEAPOT', quantity: 3 }] }, key);
    expect(status).toBe(422);
    expect(body.type).toBe('/problems/idempotency-key-reused');
  });

  it('belongs to its account: somebody else may use the same one', async () => {
    const key = uuidv7();
    const grace = await gateway.signUp();
    const mine = await place({ lines }, key);
    const theirs = await place({ lines }, key, grace.token);
    expect(theirs.status).toBe(202);
    expect(theirs.body.id).not.toBe(mine.body.id);
    expect(theirs.headers.get('idempotency-replayed')).toBeNull();
  });

  it('makes one order of 20 simultaneous calls on two replicas, with 20 equal answers', async () => {
    const replica = await gateway.startReplica();
    try {
      const key = uuidv7();
      const before = await gateway.count('order_views');
      const answers = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const response = await fetch(`${i % 2 === 0 ? gateway.service.url : replica.url}/v1/orders`, {
            method: 'POST',
            headers: {
              authorization: `Bearer ${ada.token}`,
              'content-type': 'application/json',
              'idempotency-key': key,
            },
            body: JSON.stringify({ lines }),
          });
          return { status: response.status, headers: response.headers, text: await response.text() };
        }),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
      expect(await gateway.count('order_views')).toBe(before + 1);

      const { id } = JSON.parse(answers[0]!.text) as { id: string };
      await commands.next(({ json }) => json<any>().subject === id);
      await eventually(async () => expect(await gateway.count('outbox')).toBe(0));
      expect(commands.all.filter(({ json }) => json<any>().subject === id)).toHaveLength(1);
    } finally {
      await replica.stop();
    }
  });

  it('is free again after 24 hours, and then removed', async () => {
    const key = uuidv7();
    const first = await place({ lines }, key);
    const age = () =>
      gateway.database.query(
        `UPDATE gateway.idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1`,
        [key],
      );
    await age();
    const later = await place({ lines: [{ sku: 'SKU-TEAPOT', quantity: 3 }] }, key);
    expect(later.status).toBe(202);
    expect(later.body.id).not.toBe(first.body.id);

    await age();
    const replica = await gateway.startReplica();
    try {
      await eventually(async () => {
        const left = await gateway.database.query('SELECT 1 FROM gateway.idempotency_keys WHERE key = $1', [
          key,
        ]);
        expect(left).toHaveLength(0);
      });
    } finally {
      await replica.stop();
    }
  });
});

describe('the view of an order', () => {
  it('follows its events, with prices, version and history', async () => {
    const { body } = await place({ lines: [{ sku: 'SKU-TEAPOT', quantity: 2 }] });
    const accepted = await view(body.id);
    await publishEvent('order.placed.v1', body.id, 1);
    await eventually(async () => expect((await view(body.id)).body.status).toBe('placed'));
    await publishEvent('order.confirmed.v1', body.id, 2);
    const confirmed = await eventually(async () => {
      const answer = await view(body.id);
      expect(answer.body.status).toBe('confirmed');
      return answer;
    });
    expect(confirmed.body).toEqual({
      id: body.id,
      status: 'confirmed',
      cancellation: null,
      lines: teapots,
      total: { amount: 4900, currency: 'EUR' },
      version: 2,
      history: [
        accepted.body.history[0],
        { type: 'order.placed.v1', at: '2026-01-15T09:31:00.120Z' },
        { type: 'order.confirmed.v1', at: '2026-01-15T09:31:02.120Z' },
      ],
    });
  });

  it('names the reason of a rejection', async () => {
    const { body } = await place({ lines: [{ sku: 'SKU-SOLD-OUT', quantity: 1 }] });
    await publishEvent('order.rejected.v1', body.id, 1);
    await eventually(async () =>
      expect((await view(body.id)).body).toMatchObject({
        status: 'rejected',
        reason: 'insufficient-stock',
        total: null,
        version: 1,
      }),
    );
  });

  it('never goes backwards, and keeps a complete history, when events come out of order and twice', async () => {
    const { body } = await place({ lines: [{ sku: 'SKU-TEAPOT', quantity: 2 }] });
    await publishEvent('order.confirmed.v1', body.id, 2);
    const early = await eventually(async () => {
      const answer = await view(body.id);
      expect(answer.body.status).toBe('confirmed');
      return answer;
    });
    await publishEvent('order.placed.v1', body.id, 1);
    await publishEvent('order.placed.v1', body.id, 1);
    const late = await eventually(async () => {
      const answer = await view(body.id);
      expect(answer.body.history).toHaveLength(3);
      return answer;
    });
    expect(late.body).toMatchObject({ status: 'confirmed', version: 2 });
    expect(late.body.history.map(({ type }: { type: string }) => type)).toEqual([
      'order.accepted',
      'order.placed.v1',
      'order.confirmed.v1',
    ]);
    // What one sees has changed, so whoever asks with the former tag must get it.
    expect(late.headers.get('etag')).not.toBe(early.headers.get('etag'));
  });

  it('is made by events alone when the accepted row is missing', async () => {
    const id = uuidv7();
    await publishEvent('order.placed.v1', id, 1);
    await eventually(async () =>
      expect((await view(id)).body).toMatchObject({
        status: 'placed',
        lines: teapots,
        history: [{ type: 'order.placed.v1' }],
      }),
    );
  });

  it('answers 304 to whoever has this version', async () => {
    const { body } = await place({ lines });
    const etag = (await view(body.id)).headers.get('etag')!;
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const { status, headers, body: nothing } = await view(body.id, { 'if-none-match': tags });
      expect(status).toBe(304);
      expect(headers.get('etag')).toBe(etag);
      expect(nothing).toBe('');
    }
    expect((await view(body.id, { 'if-none-match': '"other"' })).status).toBe(200);
    await publishEvent('order.placed.v1', body.id, 1);
    await eventually(async () => expect((await view(body.id, { 'if-none-match': etag })).status).toBe(200));
  });

  it("hides somebody else's order as if there were none", async () => {
    const { body } = await place({ lines });
    const grace = await gateway.signUp();
    const theirs = await view(body.id, {}, grace.token);
    const nobodys = await view(uuidv7(), {}, grace.token);
    expect(theirs.status).toBe(404);
    const { instance: _one, ...ofTheirs } = theirs.body;
    const { instance: _other, ...ofNobodys } = nobodys.body;
    expect(ofTheirs).toEqual(ofNobodys);
  });
});

describe('the list of orders', () => {
  it('goes through pages from the latest to the first, and is not moved by new orders', async () => {
    const { token } = await gateway.signUp();
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift(await gateway.order(token));

    const seen: string[] = [];
    let path: string | null = '/v1/orders?limit=2';
    for (let page = 0; path !== null; page += 1) {
      const { status, body }: Answer = await gateway.call('GET', path, { token });
      expect(status).toBe(200);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      if (page === 0) await gateway.order(token);
      path = body.nextCursor === null ? null : `/v1/orders?limit=2&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual(ids);
  });

  it('has items as they are by themselves, and nothing of other people', async () => {
    const { token } = await gateway.signUp();
    expect((await gateway.call('GET', '/v1/orders', { token })).body).toEqual({
      items: [],
      nextCursor: null,
    });
    const id = await gateway.order(token);
    const { body } = await gateway.call('GET', '/v1/orders', { token });
    expect(body).toEqual({ items: [(await view(id, {}, token)).body], nextCursor: null });
  });

  it('refuses a limit or a cursor that it can not use', async () => {
    const bad = [
      'limit=0',
      'limit=101',
      'limit=-1',
      'limit=1.5',
      'limit=ten',
      'limit=',
      'limit=1&limit=2',
      'cursor=',
      'cursor=x',
      'page=2',
    ];
    for (const query of bad) {
      const { status, body } = await gateway.call('GET', `/v1/orders?${query}`, { token: ada.token });
      expect({ query, status }).toEqual({ query, status: 400 });
      expect(body).toMatchObject({
        type: '/problems/validation',
        errors: expect.arrayContaining([
          { in: 'query', pointer: `/${query.split('=')[0]}`, detail: expect.any(String) },
        ]),
      });
    }
  });
});

describe('the catalogue', () => {
  it('is what order-service answers at this moment', async () => {
    await eventually(async () => {
      const { status, body } = await gateway.call('GET', '/v1/products', { token: ada.token });
      expect(status).toBe(200);
      expect(body).toEqual({ items: CATALOGUE });
    });
  });
});
