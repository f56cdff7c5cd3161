import { randomUUID } from 'node:crypto';
import { CallbackReceiver } from './callback-receiver.ts';
import { SandboxProcess } from './sandbox-process.ts';
import { Shop } from './shop.ts';

let receiver: CallbackReceiver;
let sandbox: SandboxProcess;
let shop: Shop;
beforeAll(async () => {
  receiver = await CallbackReceiver.listen();
  sandbox = await SandboxProcess.start(receiver.url);
  shop = new Shop(sandbox);
});
afterAll(async () => {
  await sandbox?.remove();
  await receiver?.close();
});

const good = { reference: randomUUID(), amount: { amount: 1, currency: 'EUR' }, token: 'tok_ok' };

function charge(body: string, headers: Record<string, string> = { 'idempotency-key': 'a-key' }) {
  return shop.call('POST', '/v1/payments', { body, headers });
}

describe('a body', () => {
  it.each<[string, unknown]>([
    ['is an array', []],
    ['is null', null],
    ['is a number', 1],
    ['is empty', {}],
    ['has no reference', { ...good, reference: undefined }],
    ['has a reference that is no UUID', { ...good, reference: 'order-1' }],
    ['has no token', { ...good, token: undefined }],
    ['has an empty token', { ...good, token: '' }],
    ['has a token with a line break', { ...good, token: 'tok_ok\n' }],
    ['has a token that is too long', { ...good, token: 'x'.repeat(256) }],
    ['has no amount', { ...good, amount: undefined }],
    ['has a bare amount', { ...good, amount: 5 }],
    ['has a list of amounts', { ...good, amount: [good.amount] }],
    ['has an amount of nothing', { ...good, amount: { amount: 0, currency: 'EUR' } }],
    ['has an amount below nothing', { ...good, amount: { amount: -1, currency: 'EUR' } }],
    ['has half a cent', { ...good, amount: { amount: 0.5, currency: 'EUR' } }],
    ['has an amount that no number holds', { ...good, amount: { amount: 2 ** 53, currency: 'EUR' } }],
    ['has an amount in words', { ...good, amount: { amount: '1', currency: 'EUR' } }],
    ['has a currency in lower case', { ...good, amount: { amount: 1, currency: 'eur' } }],
    ['has a field that nobody knows', { ...good, note: 'hello' }],
    ['has a field that nobody knows in its amount', { ...good, amount: { ...good.amount, cents: 1 } }],
    ['has a field with the name of a method', { ...good, toString: 1 }],
  ])('that %s is refused with 400', async (_, body) => {
    const answer = await charge(JSON.stringify(body));
    expect(answer).toMatchObject({ status: 400, body: { status: 400, code: 'bad-request' } });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it.each([
    ['no JSON', '{"reference":'],
    ['after the prototype', '{"__proto__":{"a":1}}'],
    ['nested without end', `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`],
  ])('that is %s is refused with 400', async (_, body) => {
    expect((await charge(body)).status).toBe(400);
  });

  it('that is too large is refused with 413, one of another kind with 415', async () => {
    expect((await charge(JSON.stringify({ ...good, token: 'x'.repeat(20_000) }))).status).toBe(413);
    const headers = { 'idempotency-key': 'a-key', 'content-type': 'application/xml' };
    expect((await charge('<hello/>', headers)).status).toBe(415);
  });
});

describe('a call', () => {
  it.each([
    ['none', {}],
    ['one with a space', { 'idempotency-key': 'a key' }],
    ['one that is too long', { 'idempotency-key': 'k'.repeat(256) }],
  ])('is refused without a usable idempotency key: %s', async (_, headers) => {
    expect(await charge(JSON.stringify(good), headers as Record<string, string>)).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('Idempotency-Key') },
    });
  });

  it.each(['', 'Bearer', 'Bearer another-key-than-that', 'Basic dXNlcjpwYXNzd29yZA=='])(
    'is refused without the API key: "%s"',
    async (authorization) => {
      for (const [method, path] of [
        ['POST', '/v1/payments'],
        ['GET', '/v1/payments'],
        ['GET', '/v1/payments/pay_1'],
        ['POST', '/v1/payments/pay_1/refunds'],
        ['GET', '/sandbox/faults'],
        ['PUT', '/sandbox/faults'],
        ['POST', '/sandbox/payments/pay_1/decision'],
      ] as const) {
        const body = method === 'GET' ? {} : { body: '{}' };
        const answer = await shop.call(method, path, { ...body, headers: { authorization } });
        expect([path, answer.status, answer.body.code]).toEqual([path, 401, 'unauthorized']);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      }
    },
  );

  it('to what is not there is a problem', async () => {
    expect(await shop.call('GET', '/v1/nothing')).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(await shop.call('GET', '/v1/payments/pay_1')).toMatchObject({
      status: 404,
      body: { code: 'payment-unknown' },
    });
  });

  it('leaves no payment behind when it was refused', async () => {
    expect((await shop.list()).body.items).toEqual([]);
  });

  it.each([
    { failNextRequests: -1 },
    { failNextRequests: '1' },
    { callbackCopies: 0 },
    { callbackBeforeAnswer: 'yes' },
    { other: 1 },
  ])('sets no fault that is not one: %j', async (settings) => {
    expect((await shop.faults(settings as object)).status).toBe(400);
  });
});
