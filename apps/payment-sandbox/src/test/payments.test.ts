import { randomUUID } from 'node:crypto';
import { eventually } from '@warren/testing';
import type { Money } from '../payments/payment.ts';
import { CallbackReceiver } from './callback-receiver.ts';
import { SandboxProcess } from './sandbox-process.ts';
import { Shop } from './shop.ts';

let receiver: CallbackReceiver;
let sandbox: SandboxProcess;
let shop: Shop;
beforeAll(async () => {
  receiver = await CallbackReceiver.listen();
  sandbox = await SandboxProcess.start(receiver.url, { WARREN_SANDBOX_SLOW_MS: '1500' });
  shop = new Shop(sandbox);
});
afterAll(async () => {
  await sandbox?.remove();
  await receiver?.close();
});

const EUR = (amount: number) => ({ amount, currency: 'EUR' });
const UNKNOWN = `pay_${'0'.repeat(32)}`;

const settled = (id: string, status: string) =>
  eventually(async () => expect((await shop.payment(id)).body).toMatchObject({ status }));

describe('a payment', () => {
  it('is accepted as pending, and is the same for every call with its key', async () => {
    const reference = randomUUID();
    const first = await shop.charge('tok_never', { reference });
    expect(first).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^pay_[0-9a-f]{32}$/),
        reference,
        status: 'pending',
        amount: EUR(4_900),
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    });
    const again = await shop.charge('tok_never', { reference });
    expect([again.status, again.body]).toEqual([201, first.body]);
  });

  it('is one when fifty equal calls come at the same time', async () => {
    const reference = randomUUID();
    const answers = await Promise.all(Array.from({ length: 50 }, () => shop.charge('tok_ok', { reference })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    const { id } = answers[0]!.body;
    expect((await shop.list({ reference })).body.items.map((payment) => payment.id)).toEqual([id]);
    await eventually(() => expect(receiver.about(id)).toHaveLength(1));
  });

  it.each<[string, { token?: string; amount?: Money }]>([
    ['another token', { token: 'tok_declined' }],
    ['another amount', { amount: EUR(4_901) }],
    ['another currency', { amount: { amount: 4_900, currency: 'USD' } }],
    ['a token that is not usable', { token: 'tok_other' }],
  ])(
    'is not made with the key of another one: %s',
    async (_, { token = 'tok_never', amount = EUR(4_900) }) => {
      const reference = randomUUID();
      await shop.charge('tok_never', { reference });
      const answer = await shop.charge(token, { reference, amount });
      expect(answer).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused', status: 422 } });
      expect((await shop.list({ reference })).body.items).toHaveLength(1);
    },
  );

  it('is not made with the key of a refund', async () => {
    const { id } = (await shop.charge('tok_ok')).body;
    await settled(id, 'approved');
    const key = randomUUID();
    expect((await shop.refund(id, EUR(1), key)).status).toBe(201);
    expect(await shop.charge('tok_ok', { key })).toMatchObject({ status: 422 });
  });
});

describe('a token', () => {
  it.each([
    ['tok_ok', 'approved'],
    ['tok_declined', 'declined'],
  ])('%s: the payment is %s, and so it is told', async (token, outcome) => {
    const { id, reference } = (await shop.charge(token)).body;
    await settled(id, outcome);
    const [callback] = await eventually(() => {
      expect(receiver.about(id)).toHaveLength(1);
      return receiver.about(id);
    });
    expect(callback!.event).toEqual({
      id: callback!.webhookId,
      type: `payment.${outcome}`,
      createdAt: expect.any(String),
      payment: { id, reference, amount: EUR(4_900) },
    });
    expect(callback!.webhookId).toMatch(/^evt_[0-9a-f]{32}$/);
  });

  it('tok_slow: the payment is approved after the time that is set', async () => {
    const { id, createdAt } = (await shop.charge('tok_slow')).body;
    expect((await shop.payment(id)).body.status).toBe('pending');
    await eventually(() => expect(receiver.about(id)).toHaveLength(1));
    const [callback] = receiver.about(id);
    expect(callback!.event.type).toBe('payment.approved');
    expect(Date.parse(callback!.event.createdAt) - Date.parse(createdAt)).toBeGreaterThanOrEqual(1_500);
  });

  it('tok_never: the payment stays pending until it is decided by hand', async () => {
    const { id } = (await shop.charge('tok_never')).body;
    const later = (await shop.charge('tok_slow')).body;
    await eventually(() => expect(receiver.about(later.id)).toHaveLength(1));
    expect(receiver.about(id)).toEqual([]);

    expect(await shop.decide(id, 'approved')).toMatchObject({
      status: 200,
      body: { id, status: 'approved' },
    });
    await eventually(() => expect(receiver.about(id)).toHaveLength(1));
    expect((await shop.decide(id, 'approved')).status).toBe(200);
    expect(await shop.decide(id, 'declined')).toMatchObject({
      status: 409,
      body: { code: 'already-decided' },
    });
    expect(await shop.decide(UNKNOWN, 'declined')).toMatchObject({
      status: 404,
      body: { code: 'payment-unknown' },
    });
    expect(receiver.about(id)).toHaveLength(1);
  });

  it('that is decided by hand before its time is told once', async () => {
    const { id } = (await shop.charge('tok_slow')).body;
    await shop.decide(id, 'declined');
    const later = (await shop.charge('tok_slow')).body;
    await eventually(() => expect(receiver.about(later.id)).toHaveLength(1));
    expect(receiver.about(id).map(({ event }) => event.type)).toEqual(['payment.declined']);
    expect((await shop.payment(id)).body.status).toBe('declined');
  });

  it('that nobody knows is refused with 402, and leaves nothing behind', async () => {
    const reference = randomUUID();
    const answer = await shop.charge('tok_stolen', { reference });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer).toMatchObject({
      status: 402,
      body: { type: 'about:blank', title: 'Payment Required', status: 402, code: 'token-unusable' },
    });
    expect((await shop.charge('tok_stolen', { reference })).status).toBe(402);
    expect((await shop.list({ reference })).body.items).toEqual([]);
  });

  it('is written nowhere', async () => {
    await shop.charge('tok_stolen');
    expect(sandbox.output).not.toMatch(/tok_/);
  });
});

describe('a refund', () => {
  it('goes up to the amount of the payment, in as many parts as are wanted', async () => {
    const { id } = (await shop.charge('tok_ok')).body;
    await settled(id, 'approved');
    const first = await shop.refund(id, EUR(4_000));
    expect(first).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^ref_[0-9a-f]{32}$/),
        paymentId: id,
        status: 'succeeded',
        amount: EUR(4_000),
        createdAt: expect.any(String),
      },
    });
    expect(await shop.refund(id, EUR(901))).toMatchObject({ status: 409, body: { code: 'not-refundable' } });
    expect((await shop.refund(id, EUR(900))).status).toBe(201);
    expect((await shop.payment(id)).body).toMatchObject({ status: 'approved', refunded: EUR(4_900) });
    expect((await shop.refund(id, EUR(1))).status).toBe(409);
  });

  it('is one when fifty equal calls come at the same time', async () => {
    const { id } = (await shop.charge('tok_ok')).body;
    await settled(id, 'approved');
    const key = `${id}-refund`;
    const answers = await Promise.all(Array.from({ length: 50 }, () => shop.refund(id, EUR(100), key)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect((await shop.payment(id)).body.refunded).toEqual(EUR(100));
    expect((await shop.refund(id, EUR(101), key)).status).toBe(422);
  });

  it.each([
    ['pending', 'tok_never'],
    ['declined', 'tok_declined'],
  ])('is refused for a payment that is %s, and its key stays free', async (status, token) => {
    const { id } = (await shop.charge(token)).body;
    await settled(id, status);
    const key = randomUUID();
    const answer = await shop.refund(id, EUR(1), key);
    expect(answer).toMatchObject({ status: 409, body: { code: 'not-refundable' } });
    if (status === 'declined') return;
    await shop.decide(id, 'approved');
    expect((await shop.refund(id, EUR(1), key)).status).toBe(201);
  });

  it('is refused in another currency, and for a payment that nobody knows', async () => {
    const { id } = (await shop.charge('tok_ok')).body;
    await settled(id, 'approved');
    const answer = await shop.refund(id, { amount: 1, currency: 'USD' });
    expect(answer).toMatchObject({ status: 409, body: { code: 'not-refundable' } });
    expect(await shop.refund(UNKNOWN, EUR(1))).toMatchObject({
      status: 404,
      body: { code: 'payment-unknown' },
    });
  });
});

describe('the list of payments', () => {
  it('goes page by page from the latest to the first', async () => {
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) made.push((await shop.charge('tok_never')).body.id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Awaited<ReturnType<Shop['list']>> = await shop.list({
        limit: '2',
        ...(cursor && { cursor }),
      });
      expect(page.body.items.length).toBeGreaterThan(0);
      seen.push(...page.body.items.map(({ id }) => id));
      cursor = page.body.nextCursor;
    }
    expect(seen.slice(0, 5)).toEqual(made.toReversed());
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('shows the payments of one reference', async () => {
    const reference = randomUUID();
    const one = (await shop.charge('tok_never', { reference, key: randomUUID() })).body;
    const other = (await shop.charge('tok_never', { reference, key: randomUUID() })).body;
    const first = (await shop.list({ reference, limit: '1' })).body;
    expect(first.items).toEqual([{ ...other, refunded: EUR(0) }]);
    const second = (await shop.list({ reference, limit: '1', cursor: first.nextCursor! })).body;
    expect(second).toEqual({ items: [{ ...one, refunded: EUR(0) }], nextCursor: null });
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'cursor=x', 'reference=x', 'other=1'])(
    'refuses what it does not know: %s',
    async (query) => {
      expect(await shop.call('GET', `/v1/payments?${query}`)).toMatchObject({
        status: 400,
        body: { code: 'bad-request', status: 400 },
      });
    },
  );
});
