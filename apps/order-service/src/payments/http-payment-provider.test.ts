import { inspect } from 'node:util';
import { DependencyUnavailable, PermanentFailure } from '@warren/messaging';
import { hang, json, raw, reset, ScriptedHttpServer, type Answer } from '../test/scripted-http-server.ts';
import { ContradictoryAnswer, HttpPaymentProvider } from './http-payment-provider.ts';

const ORDER_ID = '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02';
const AMOUNT = { amount: 4900, currency: 'EUR' };
const TOKEN = 'tok_Secret/0815+';
const API_KEY = 'key-very-Secret-4711';
const PAYMENT = {
  id: `pay_${'0a'.repeat(16)}`,
  reference: ORDER_ID,
  status: 'pending',
  amount: AMOUNT,
  createdAt: '2026-01-15T09:31:01.000Z',
};
const REFUND = {
  id: `ref_${'0b'.repeat(16)}`,
  paymentId: PAYMENT.id,
  status: 'succeeded',
  amount: AMOUNT,
  createdAt: '2026-01-15T09:41:01.000Z',
};
const TAKEN = json(201, PAYMENT);

describe('the HTTP adapter for payments', () => {
  let server: ScriptedHttpServer;
  let provider: HttpPaymentProvider;

  const providerAt = (url: string, options: { timeoutMs?: number; connections?: number } = {}) =>
    new HttpPaymentProvider({
      url,
      apiKey: API_KEY,
      timeoutMs: 5_000,
      connections: 2,
      pausesMs: [5, 5],
      ...options,
    });
  const ask = (signal?: AbortSignal) =>
    provider.request({ orderId: ORDER_ID, amount: AMOUNT, token: TOKEN }, signal);
  const giveBack = () => provider.refund({ orderId: ORDER_ID, paymentId: PAYMENT.id, amount: AMOUNT });

  async function failureOf(promise: Promise<unknown>): Promise<Error> {
    const outcome = await promise.catch((error: Error) => error);
    if (!(outcome instanceof Error)) throw new Error(`it did not fail, and answered ${inspect(outcome)}`);
    return outcome;
  }

  beforeEach(async () => {
    server = await ScriptedHttpServer.start();
    provider = providerAt(server.url);
  });

  afterEach(async () => {
    await provider.onApplicationShutdown();
    await server.stop();
  });

  it('asks for a payment by the id of the order', async () => {
    server.script = [TAKEN];
    await expect(ask()).resolves.toEqual({ accepted: true, paymentId: PAYMENT.id });
    const [call] = server.calls;
    expect(call).toMatchObject({
      method: 'POST',
      path: '/v1/payments',
      headers: {
        authorization: `Bearer ${API_KEY}`,
        'idempotency-key': ORDER_ID,
        'content-type': 'application/json',
      },
    });
    expect(JSON.parse(call!.body)).toEqual({ reference: ORDER_ID, amount: AMOUNT, token: TOKEN });
  });

  it('asks for a refund of the payment, by a key of its own', async () => {
    server.script = [json(201, REFUND)];
    await expect(giveBack()).resolves.toEqual({ refundId: REFUND.id });
    const [call] = server.calls;
    expect(call).toMatchObject({
      path: `/v1/payments/${PAYMENT.id}/refunds`,
      headers: { 'idempotency-key': `${ORDER_ID}-refund` },
    });
    expect(JSON.parse(call!.body)).toEqual({ amount: AMOUNT });
  });

  it('keeps the path of the address', async () => {
    server.script = [TAKEN];
    const behindPath = providerAt(`${server.url}/pay/`);
    await behindPath.request({ orderId: ORDER_ID, amount: AMOUNT, token: TOKEN });
    await behindPath.onApplicationShutdown();
    expect(server.calls[0]!.path).toBe('/pay/v1/payments');
  });

  it('uses its connections again, and opens no more than it may', async () => {
    server.script = [TAKEN];
    await Promise.all(Array.from({ length: 10 }, () => ask()));
    await ask();
    expect(server.calls).toHaveLength(11);
    expect(server.connections).toBe(2);
  });

  it.each<[string, Answer]>([
    ['cuts the connection', reset],
    ['answers 500', raw(500, 'oops')],
    ['answers 503', json(503, { title: 'later' })],
    ['still has the same request in hand', json(409, { title: 'in flight', code: 'in-flight' })],
    ['asks for patience', json(429, { title: 'slowly' })],
    ['answers what is no JSON', raw(201, '<html>welcome</html>')],
    ['answers with a list', raw(201, '[]')],
    [
      'breaks its answer off',
      (response) =>
        response.writeHead(201, { 'content-length': '900' }).write('{"id"') && response.socket!.end(),
    ],
    ['speaks no HTTP', (response) => response.socket!.end('SSH-2.0-OpenSSH_9.9\r\n')],
    ['answers with more than 64 KiB', json(201, { ...PAYMENT, note: 'x'.repeat(64 * 1024) })],
    ['answers with endless headers', raw(201, '{}', { 'x-long': 'x'.repeat(20_000) })],
  ])('repeats the request under the same key when the provider %s', async (_what, trouble) => {
    server.script = [trouble, trouble, TAKEN];
    await expect(ask()).resolves.toEqual({ accepted: true, paymentId: PAYMENT.id });
    expect(server.calls.map(({ headers }) => headers['idempotency-key'])).toEqual([
      ORDER_ID,
      ORDER_ID,
      ORDER_ID,
    ]);
    expect(new Set(server.calls.map(({ body }) => body)).size).toBe(1);
  });

  it('repeats a refund under the same key', async () => {
    server.script = [reset, raw(502, ''), json(201, REFUND)];
    await expect(giveBack()).resolves.toEqual({ refundId: REFUND.id });
    expect(server.calls.map(({ headers }) => headers['idempotency-key'])).toEqual(
      Array.from({ length: 3 }, () => `${ORDER_ID}-refund`),
    );
  });

  it('calls the provider away after three attempts', async () => {
    server.script = [raw(500, 'oops')];
    const failure = await failureOf(ask());
    expect(failure).toBeInstanceOf(DependencyUnavailable);
    expect(failure.message).toBe('payment provider is not available: answered 500: it is in trouble');
    expect(server.calls).toHaveLength(3);
  });

  it('calls a provider away that refuses connections', async () => {
    await server.stop();
    const failure = await failureOf(ask());
    expect(failure).toBeInstanceOf(DependencyUnavailable);
    expect(failure.message).toContain('ECONNREFUSED');
  });

  it.each<[string, Answer]>([
    ['says nothing', hang],
    ['says nothing after its headers', (response) => response.writeHead(201).flushHeaders()],
    [
      'drips its answer',
      async (response, { closed }) => {
        const drip = setInterval(() => response.write(' '), 10);
        await closed;
        clearInterval(drip);
      },
    ],
  ])('gives up on an attempt at its deadline when the provider %s', async (_what, trouble) => {
    await provider.onApplicationShutdown();
    provider = providerAt(server.url, { timeoutMs: 150 });
    server.script = [trouble];
    const begun = performance.now();
    const failure = await failureOf(ask());
    const took = performance.now() - begun;
    expect(failure).toBeInstanceOf(DependencyUnavailable);
    expect(failure.message).toBe('payment provider is not available: gave no answer in 150 ms');
    expect(server.calls).toHaveLength(3);
    expect(took).toBeGreaterThanOrEqual(3 * 149);
    expect(took).toBeLessThan(3_000);
    await Promise.all(server.calls.map(({ closed }) => closed));
  });

  it('counts the wait for a connection towards the deadline', async () => {
    await provider.onApplicationShutdown();
    provider = providerAt(server.url, { timeoutMs: 150, connections: 1 });
    server.script = [hang];
    const failures = await Promise.all([failureOf(ask()), failureOf(ask()), failureOf(ask())]);
    for (const failure of failures) expect(failure.message).toContain('gave no answer in 150 ms');
  });

  it('waits as long as the provider asks for, when that is not long', async () => {
    server.script = [json(429, {}, { 'retry-after': '1' }), TAKEN];
    await expect(ask()).resolves.toMatchObject({ accepted: true });
    const [first, second] = server.calls;
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
  });

  it.each([429, 503])('does not come again at once when a %i asks for more patience', async (status) => {
    server.script = [json(status, {}, { 'retry-after': '60' })];
    await expect(ask()).rejects.toThrow(DependencyUnavailable);
    expect(server.calls).toHaveLength(1);
  });

  it.each([401, 403])(
    'takes a %i for a provider that we can not use, until the key is mended',
    async (status) => {
      server.script = [json(status, { title: 'who are you?' })];
      const failure = await failureOf(ask());
      expect(failure).toBeInstanceOf(DependencyUnavailable);
      expect(failure.message).toContain('see WARREN_PAYMENT_API_KEY');
      expect(server.calls).toHaveLength(1);
    },
  );

  it.each([301, 302, 307, 308])('follows no redirect (%i)', async (status) => {
    const elsewhere = await ScriptedHttpServer.start();
    elsewhere.script = [TAKEN];
    server.script = [raw(status, '', { location: `${elsewhere.url}/v1/payments` })];
    const failure = await failureOf(ask());
    await elsewhere.stop();
    expect(failure).toBeInstanceOf(DependencyUnavailable);
    expect(failure.message).toContain('see WARREN_PAYMENT_URL');
    expect(server.calls).toHaveLength(1);
    expect(elsewhere.calls).toEqual([]);
  });

  it.each<[number, Answer]>([
    [200, json(200, PAYMENT)],
    [202, json(202, PAYMENT)],
    [204, raw(204, '')],
    [404, raw(404, '<html>nothing here</html>')],
    [405, json(405, { title: 'not so' })],
  ])('takes a %i for a provider that speaks another protocol', async (_status, answer) => {
    server.script = [answer];
    const failure = await failureOf(ask());
    expect(failure).toBeInstanceOf(DependencyUnavailable);
    expect(failure.message).toContain('see WARREN_PAYMENT_URL');
  });

  it('tells why a token will never pay', async () => {
    server.script = [json(402, { title: 'The token is unusable', code: 'token-unusable' })];
    await expect(ask()).resolves.toEqual({ accepted: false, code: 'token-unusable' });
    expect(server.calls).toHaveLength(1);
  });

  it.each([undefined, 7, 'two words', 'a\r\nb', `${'a'.repeat(61)}`, `unusable-${TOKEN}`])(
    'makes no word of %j, which the provider gave for a reason',
    async (code) => {
      server.script = [json(402, { title: 'no', code })];
      await expect(ask()).resolves.toEqual({ accepted: false, code: 'unspecified' });
    },
  );

  it('takes no 402 of a stranger for a refusal', async () => {
    server.script = [raw(402, 'please insert coin'), TAKEN];
    await expect(ask()).resolves.toMatchObject({ accepted: true });
  });

  it.each([400, 422])('takes a %i for final, and says why in the words of the provider', async (status) => {
    server.script = [json(status, { title: 'The body is not valid', detail: 'currency\r\nXXX is unknown' })];
    const failure = await failureOf(ask());
    expect(failure).toBeInstanceOf(PermanentFailure);
    expect(failure.message).toBe(
      `the payment provider refuses the payment of order ${ORDER_ID} (${status}): ` +
        'The body is not valid: currency XXX is unknown',
    );
    expect(server.calls).toHaveLength(1);
  });

  it.each<[number, string, Answer]>([
    [409, 'not-refundable', json(409, { title: 'The payment was not approved', code: 'not-refundable' })],
    [404, 'not known', json(404, { title: 'There is no such payment' })],
    [422, 'larger than the payment', json(422, { title: 'The amount is too large' })],
  ])('takes a refund that is refused with %i, %s, for final', async (status, _what, answer) => {
    server.script = [answer];
    const failure = await failureOf(giveBack());
    expect(failure).toBeInstanceOf(PermanentFailure);
    expect(failure.message).toContain(`of payment ${PAYMENT.id} of order ${ORDER_ID} (${status})`);
    expect(server.calls).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['no id', { id: undefined }],
    ['an id of another kind', { id: `ref_${'0a'.repeat(16)}` }],
    ['an id that leads elsewhere', { id: 'pay_/../../refunds' }],
    ['the reference of another order', { reference: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a03' }],
    ['another amount', { amount: { amount: 4901, currency: 'EUR' } }],
    ['the amount as a text', { amount: { amount: '4900', currency: 'EUR' } }],
    ['another currency', { amount: { amount: 4900, currency: 'USD' } }],
    ['no amount', { amount: null }],
    ['a status that there is not', { status: 'eaten' }],
  ])('takes a payment with %s for no success, and for nothing that is final', async (_what, difference) => {
    server.script = [json(201, { ...PAYMENT, ...difference })];
    const failure = await failureOf(ask());
    expect(failure).toBeInstanceOf(ContradictoryAnswer);
    expect(failure).not.toBeInstanceOf(PermanentFailure);
    expect(failure).not.toBeInstanceOf(DependencyUnavailable);
  });

  it.each<[string, object]>([
    ['an id of another kind', { id: PAYMENT.id }],
    ['another payment', { paymentId: `pay_${'0c'.repeat(16)}` }],
    ['another amount', { amount: { amount: 490, currency: 'EUR' } }],
    ['another status', { status: 'pending' }],
  ])('takes a refund with %s for no success', async (_what, difference) => {
    server.script = [json(201, { ...REFUND, ...difference })];
    await expect(giveBack()).rejects.toThrow(ContradictoryAnswer);
  });

  it('stops at once when its caller does, and says what the caller said', async () => {
    const caller = new AbortController();
    const reason = new Error('the service stops');
    server.script = [() => caller.abort(reason)];
    await expect(ask(caller.signal)).rejects.toBe(reason);
    await expect(ask(caller.signal)).rejects.toBe(reason);
    expect(server.calls).toHaveLength(1);
  });

  it('stops between two attempts when its caller does', async () => {
    await provider.onApplicationShutdown();
    provider = new HttpPaymentProvider({
      url: server.url,
      apiKey: API_KEY,
      timeoutMs: 5_000,
      connections: 1,
      pausesMs: [60_000],
    });
    const caller = new AbortController();
    const reason = new Error('the service stops');
    server.script = [
      (response) => {
        response.once('close', () => caller.abort(reason));
        response.writeHead(500, { connection: 'close' }).end();
      },
    ];
    await expect(ask(caller.signal)).rejects.toBe(reason);
    expect(server.calls).toHaveLength(1);
  });

  describe('shows neither token nor key', () => {
    const echo = `${TOKEN} ${encodeURIComponent(TOKEN)} ${TOKEN.toUpperCase()} Bearer ${API_KEY}`;
    const problem = { title: `can't use ${echo}`, detail: echo, code: TOKEN, token: TOKEN };

    it.each<[string, Answer]>([
      ['a 400 that echoes them', json(400, problem)],
      ['a 401 that echoes them', json(401, problem)],
      ['a 404 that echoes them', json(404, problem)],
      ['a 409 that echoes them', json(409, problem)],
      [
        'a 422 with a long text that echoes them at its cut',
        json(422, { title: `${'x'.repeat(295)}${TOKEN}` }),
      ],
      ['a 500 that echoes them', raw(500, echo)],
      ['a redirect that echoes them', raw(302, '', { location: `/?${echo}` })],
      ['a payment that echoes them', json(201, { ...PAYMENT, id: TOKEN, reference: API_KEY })],
      ['garbage that echoes them', raw(201, echo)],
      ['no HTTP that echoes them', (response) => response.socket!.end(`HTTP/9.9 ${echo}\r\n\r\n`)],
      ['a status line that echoes them', (response) => response.socket!.end(`HTTP/1.1 500 ${echo}\r\n\r\n`)],
      ['a cut connection', reset],
    ])('after %s', async (_what, answer) => {
      server.script = [answer];
      const failure = await failureOf(ask());
      const shown = inspect(failure, { depth: null, showHidden: true });
      expect(shown).toContain('payment');
      expect(shown).not.toMatch(/secret|0815|4711/i);
    });
  });
});
