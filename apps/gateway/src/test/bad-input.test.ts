import { validate as isUuid, v7 as uuidv7 } from 'uuid';
import {
  GatewayUnderTest,
  PASSWORD,
  type Answer,
  type CallOptions,
  type SignedUpUser,
} from './gateway-under-test.ts';

let gateway: GatewayUnderTest;
let ada: SignedUpUser;
/** What is stored before anything is refused, and so after. */
let stored: object;

const traces = async (): Promise<object> => ({
  files: await gateway.storedFiles(),
  rows: await gateway.counts(
    'accounts',
    'idempotency_keys',
    'order_views',
    'order_history',
    'file_views',
    'file_history',
    'pending_uploads',
  ),
});

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  ada = await gateway.signUp();
  stored = await traces();
});

afterAll(() => gateway?.stop());

/** A problem document as every error has to be. */
function expectProblem(answer: Answer, status: number, type: string): void {
  expect({ status: answer.status, type: answer.body.type }).toEqual({ status, type: `/problems/${type}` });
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const requestId = answer.headers.get('x-request-id');
  expect(isUuid(requestId)).toBe(true);
  expect(answer.body).toMatchObject({
    title: expect.any(String),
    status,
    detail: expect.any(String),
    instance: `urn:uuid:${requestId}`,
  });
  expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|FST_|Exception|select |insert /i);
}

async function expectRefused(call: () => Promise<Answer>, status: number, type: string): Promise<Answer> {
  const answer = await call();
  expectProblem(answer, status, type);
  expect(await traces()).toEqual(stored);
  return answer;
}

const order = (json: unknown, options: CallOptions = {}) =>
  gateway.call('POST', '/v1/orders', {
    token: ada.token,
    headers: { 'idempotency-key': uuidv7(), 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify(json),
  });

const rawOrder = (body: string | Buffer<ArrayBuffer>, contentType = 'application/json') =>
  gateway.call('POST', '/v1/orders', {
    token: ada.token,
    headers: { 'idempotency-key': uuidv7(), 'content-type': contentType },
    body,
  });

const line = { sku: 'SKU-TEAPOT', quantity: 1 };

describe('a body that is no JSON', () => {
  it.each<[string, string | Buffer<ArrayBuffer>]>([
    ['half an object', '{"lines": ['],
    ['plain text', 'hello'],
    ['nothing', ''],
    ['a prototype in disguise', '{"__proto__": {"lines": []}}'],
    ['not UTF-8', Buffer.concat([Buffer.from('{"lines": "'), Buffer.from([0xff]), Buffer.from('"}')])],
    ['arrays without end', `{"lines": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ])('is refused: %s', async (_what, body) => {
    await expectRefused(() => rawOrder(body), 400, 'malformed-json');
  });

  it.each(['null', '[]', '"text"', '42', 'true'])('nor is %s an object', async (body) => {
    const answer = await expectRefused(() => rawOrder(body), 400, 'validation');
    expect(answer.body.errors).toEqual([{ in: 'body', pointer: '', detail: 'must be a JSON object' }]);
  });
});

describe('an order', () => {
  it.each<[string, unknown, string]>([
    ['nothing in it', {}, '/lines'],
    ['no lines', { lines: [] }, '/lines'],
    ['lines that are no list', { lines: 'SKU-TEAPOT' }, '/lines'],
    [
      'too many lines',
      { lines: Array.from({ length: 101 }, (_, i) => ({ sku: `SKU-${i}`, quantity: 1 })) },
      '/lines',
    ],
    ['a SKU named twice', { lines: [line, { sku: 'SKU-CUP', quantity: 1 }, line] }, '/lines'],
    ['a line that is null', { lines: [null] }, '/lines'],
    ['a line that is a list', { lines: [[line]] }, '/lines'],
    ['a line that is an empty list', { lines: [[]] }, '/lines'],
    ['a quantity of 0', { lines: [{ ...line, quantity: 0 }] }, '/lines/0/quantity'],
    ['a quantity of -1', { lines: [{ ...line, quantity: -1 }] }, '/lines/0/quantity'],
    ['a quantity of 10^9', { lines: [{ ...line, quantity: 1e9 }] }, '/lines/0/quantity'],
    ['half a piece', { lines: [{ ...line, quantity: 0.5 }] }, '/lines/0/quantity'],
    ['a quantity as text', { lines: [{ ...line, quantity: '1' }] }, '/lines/0/quantity'],
    ['no quantity', { lines: [{ sku: 'SKU-TEAPOT' }] }, '/lines/0/quantity'],
    ['no SKU', { lines: [{ quantity: 1 }] }, '/lines/0/sku'],
    ['an empty SKU', { lines: [{ ...line, sku: '' }] }, '/lines/0/sku'],
    ['a long SKU', { lines: [{ ...line, sku: 'S'.repeat(65) }] }, '/lines/0/sku'],
    ['a zero character in a SKU', { lines: [{ ...line, sku: 'SKU\u0000' }] }, '/lines/0/sku'],
    ['an unknown field', { lines: [line], coupon: 'FREE' }, '/coupon'],
    ['an unknown field in a line', { lines: [{ ...line, price: 1 }] }, '/lines/0/price'],
    ['a field named constructor', { lines: [line], constructor: 1 }, '/constructor'],
    ['a field named toString', { lines: [line], toString: 1 }, '/toString'],
    ['an empty payment token', { lines: [line], paymentToken: '' }, '/paymentToken'],
    ['a payment token that is null', { lines: [line], paymentToken: null }, '/paymentToken'],
    ['a payment token that is a number', { lines: [line], paymentToken: 1 }, '/paymentToken'],
    ['a long payment token', { lines: [line], paymentToken: 't'.repeat(256) }, '/paymentToken'],
    ['a payment token of two words', { lines: [line], paymentToken: 'tok ok' }, '/paymentToken'],
    ['a payment token with a line break', { lines: [line], paymentToken: 'tok_ok\n' }, '/paymentToken'],
    ['a field with a slash and a tilde', { lines: [line], 'a/b~c': 1 }, '/a~1b~0c'],
  ])('is refused with %s', async (_what, json, pointer) => {
    const { body } = await expectRefused(() => order(json), 400, 'validation');
    expect(body.errors).toContainEqual({ in: 'body', pointer, detail: expect.any(String) });
  });

  it('is refused without an Idempotency-Key, or with one that is not usable', async () => {
    await expectRefused(
      () => gateway.call('POST', '/v1/orders', { token: ada.token, json: { lines: [line] } }),
      400,
      'idempotency-key-missing',
    );
    for (const key of ['', 'two words', 'k'.repeat(256), 'caf\u00e9']) {
      await expectRefused(
        () => order({ lines: [line] }, { headers: { 'idempotency-key': key } }),
        400,
        'idempotency-key-missing',
      );
    }
  });

  it('is refused without a token', async () => {
    const call = () =>
      gateway.call('POST', '/v1/orders', {
        headers: { 'idempotency-key': uuidv7() },
        json: { lines: [line] },
      });
    await expectRefused(call, 401, 'missing-token');
  });
});

describe('a sign-up', () => {
  const user = { email: 'new@example.com', displayName: 'New', password: PASSWORD };

  it.each<[string, object, string]>([
    ['no address', { ...user, email: undefined }, '/email'],
    ['an address without a domain', { ...user, email: 'new' }, '/email'],
    ['an address with a line break', { ...user, email: 'new@example.com\nBcc: all@example.com' }, '/email'],
    ['a long address', { ...user, email: `${'n'.repeat(250)}@example.com` }, '/email'],
    ['an address that is a number', { ...user, email: 42 }, '/email'],
    ['a list of addresses', { ...user, email: ['new@example.com'] }, '/email'],
    ['no name', { ...user, displayName: undefined }, '/displayName'],
    ['a blank name', { ...user, displayName: '   ' }, '/displayName'],
    ['a name of several lines', { ...user, displayName: 'Ada\r\nBcc: all@example.com' }, '/displayName'],
    ['a zero character in the name', { ...user, displayName: 'Ada\u0000' }, '/displayName'],
    ['half a character in the name', { ...user, displayName: 'Ada \ud800' }, '/displayName'],
    ['a long name', { ...user, displayName: 'n'.repeat(101) }, '/displayName'],
    ['a short password', { ...user, password: '1234567' }, '/password'],
    ['a long password', { ...user, password: 'p'.repeat(201) }, '/password'],
    ['an unknown field', { ...user, admin: true }, '/admin'],
  ])('is refused with %s', async (_what, json, pointer) => {
    const call = () => gateway.call('POST', '/v1/users', { json });
    const { body } = await expectRefused(call, 400, 'validation');
    expect(body.errors).toContainEqual({ in: 'body', pointer, detail: expect.any(String) });
    expect(JSON.stringify(body)).not.toContain(PASSWORD);
  });
});

describe('an id that is no UUID', () => {
  it.each(['/v1/orders/1', '/v1/files/..%2f..%2fetc%2fpasswd', '/v1/files/x/content'])(
    'is refused: %s',
    async (path) => {
      const { body } = await expectRefused(
        () => gateway.call('GET', path, { token: ada.token }),
        400,
        'validation',
      );
      expect(body.errors).toEqual([{ in: 'path', pointer: '/id', detail: expect.any(String) }]);
    },
  );
});

describe('a body over the limit', () => {
  it.each([300_000, 2_000_000, 10_000_000])(
    'of %d bytes gets its answer, although not all of it is read',
    async (size) => {
      const body = JSON.stringify({ lines: [line], padding: 'x'.repeat(size) });
      const answer = await expectRefused(() => rawOrder(body), 413, 'content-too-large');
      expect(answer.headers.get('connection')).not.toBe('close');
    },
  );
});

describe('a media type that the call does not take', () => {
  it.each([
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'nonsense',
  ])('is refused: %s', async (contentType) => {
    await expectRefused(
      () => rawOrder(JSON.stringify({ lines: [line] }), contentType),
      415,
      'unsupported-media-type',
    );
  });

  it('is refused for an upload as well', async () => {
    const call = () => gateway.call('POST', '/v1/files', { token: ada.token, json: { file: 'hello' } });
    await expectRefused(call, 415, 'unsupported-media-type');
  });
});

describe('what is not there', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/v1/nothing'],
    ['GET', '/v1/users/me/notifications'],
    ['POST', '/v1/uploads'],
    ['GET', `/v1/orders/${uuidv7()}/events`],
    ['GET', '/docs/nothing.css'],
    ['GET', '/schemas/order.unknown.v1.json'],
    ['GET', '/problems/unknown'],
    ['GET', '/problems/constructor'],
  ])('is a problem: %s %s', async (method, path) => {
    expectProblem(await gateway.call(method, path, { token: ada.token }), 404, 'not-found');
  });

  it.each([
    ['DELETE', `/v1/orders/${uuidv7()}`, 'GET, HEAD'],
    ['GET', `/v1/orders/${uuidv7()}/cancellation`, 'POST'],
    ['DELETE', `/v1/orders/${uuidv7()}/cancellation`, 'POST'],
  ])('is told apart from a method that is not there: %s %s', async (method, path, allowed) => {
    const answer = await gateway.call(method, path, { token: ada.token });
    expectProblem(answer, 405, 'method-not-allowed');
    expect(answer.headers.get('allow')).toBe(allowed);
  });
});

describe('a request that is hardly one', () => {
  it('is refused when its path is not validly encoded', async () => {
    expectProblem(
      await gateway.call('GET', '/v1/orders/%E0%A4%A', { token: ada.token }),
      400,
      'malformed-request',
    );
  });

  it('is refused when a part of its path is endless', async () => {
    const answer = await gateway.call('GET', `/v1/orders/${'x'.repeat(500)}`, { token: ada.token });
    expectProblem(answer, 414, 'uri-too-long');
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'malformed-request'],
    [
      'endless headers',
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers-too-large',
    ],
    [
      'one that expects what is not done',
      'POST /v1/orders HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: miracles\r\ncontent-length: 2\r\n\r\n{}',
      417,
      'expectation-failed',
    ],
  ])('is refused when it is %s', async (_what, text, status, type) => {
    const { head, body } = await gateway.raw(text);
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head).toContain('content-type: application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ type: `/problems/${type}`, status });
  });
});
