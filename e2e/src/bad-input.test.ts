import { request } from 'node:http';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import type { Customer, Problem } from '@warren/tools/clients/api-client.ts';
import { SystemUnderTest } from './system-under-test.ts';

const MAX_UPLOAD = 1 << 20;
let sut: SystemUnderTest;
let customer: Customer;
beforeAll(async () => {
  sut = await SystemUnderTest.start({
    serviceEnvironment: { gateway: { WARREN_MAX_UPLOAD_BYTES: String(MAX_UPLOAD) } },
  });
  customer = await sut.api.newCustomer();
}, 120_000);
afterAll(() => sut.stop());

const order = (body: unknown, headers: Record<string, string> = customer.headers): RequestInit => ({
  headers: { 'content-type': 'application/json', 'idempotency-key': uuidv7(), ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

async function trace(): Promise<unknown> {
  const [counts] = await sut.sql(`SELECT (SELECT count(*)::int FROM gateway.outbox) AS outbox,
    (SELECT count(*)::int FROM order_service.orders) AS orders`);
  const stored = await readdir(join(sut.directory, 'files'), { recursive: true, withFileTypes: true });
  // The first upload, also one that fails, marks the directory as a store.
  return {
    ...counts,
    files: stored.filter((entry) => entry.isFile() && entry.name !== '.object-store').length,
  };
}

async function expectProblem(response: Response, status: number): Promise<Problem> {
  expect([response.status, response.headers.get('content-type')]).toEqual([
    status,
    expect.stringContaining('application/problem+json'),
  ]);
  const problem = (await response.json()) as Problem;
  expect(problem).toMatchObject({ status, type: expect.any(String), title: expect.any(String) });
  return problem;
}

describe('bad input is answered with a problem document and leaves no trace', () => {
  let before: unknown;
  beforeEach(async () => {
    await eventually(async () => expect(await trace()).toMatchObject({ outbox: 0 }));
    before = await trace();
  });
  afterEach(() => eventually(async () => expect(await trace()).toEqual(before)));

  it.each([
    ['a body that is no JSON', '{"lines": [', 400],
    ['an unknown field', { lines: [{ sku: 'SKU-TEAPOT', quantity: 1 }], discount: 100 }, 422],
    ['an unknown field inside', { lines: [{ sku: 'SKU-TEAPOT', quantity: 1, price: 1 }] }, 422],
    ['a quantity of 0', { lines: [{ sku: 'SKU-TEAPOT', quantity: 0 }] }, 422],
    ['a quantity of 10^9', { lines: [{ sku: 'SKU-TEAPOT', quantity: 1_000_000_000 }] }, 422],
    ['no lines', { lines: [] }, 422],
    ['a list instead of an object', [], 422],
  ])('%s', async (_what, body, status) => {
    const response = await sut.api.call('POST', '/v1/orders', order(body));
    // 400 and 422 are both fitting for a body that is JSON and says something that can't be.
    await expectProblem(response, status === 422 && response.status === 400 ? 400 : status);
  });

  it('a body over the limit', async () => {
    const lines = Array.from({ length: 40_000 }, () => ({
      sku: 'SKU-TEAPOT',
      quantity: 1,
      note: 'x'.repeat(50),
    }));
    await expectProblem(await sut.api.call('POST', '/v1/orders', order({ lines })), 413);
  });

  it('no token, and one that nobody signed', async () => {
    const body = { lines: [{ sku: 'SKU-TEAPOT', quantity: 1 }] };
    await expectProblem(await sut.api.call('POST', '/v1/orders', order(body, {})), 401);
    await expectProblem(
      await sut.api.call('POST', '/v1/orders', order(body, { authorization: 'Bearer a.b.c' })),
      401,
    );
  });

  it('an upload over the limit', async () => {
    const body = new FormData();
    body.set('file', new Blob([new Uint8Array(MAX_UPLOAD + 1)]), 'big.bin');
    await expectProblem(await sut.api.call('POST', '/v1/files', { headers: customer.headers, body }), 413);
  });

  it('an upload that is cut off half-way', async () => {
    const url = new URL('/v1/files', sut.system.endpoints.gateway);
    await new Promise<void>((resolve) => {
      const upload = request(url, {
        method: 'POST',
        headers: {
          ...customer.headers,
          'content-type': 'multipart/form-data; boundary=cut',
          'content-length': String(500_000),
        },
      });
      upload.on('error', () => resolve());
      upload.on('close', () => resolve());
      upload.write('--cut\r\ncontent-disposition: form-data; name="file"; filename="half.bin"\r\n\r\n');
      upload.write(Buffer.alloc(200_000), () => upload.destroy());
    });
  });

  it("somebody else's order and file, and ones that never were", async () => {
    const stranger = await sut.api.newCustomer();
    await eventually(async () => expect(await trace()).toMatchObject({ outbox: 0 }));
    before = await trace();
    for (const path of [`/v1/orders/${uuidv7()}`, `/v1/files/${uuidv7()}`, '/v1/nothing-here']) {
      await expectProblem(await sut.api.call('GET', path, { headers: stranger.headers }), 404);
    }
  });
});

it("somebody else's order is not there for anybody else", async () => {
  const id = await customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity: 1 }]);
  const stranger = await sut.api.newCustomer();
  await expectProblem(await sut.api.call('GET', `/v1/orders/${id}`, { headers: stranger.headers }), 404);
});

it('an unknown SKU is accepted, since the catalogue is not the gateway’s, and then rejected', async () => {
  const id = await customer.placeOrder([{ sku: 'SKU-NO-SUCH-THING', quantity: 1 }]);
  await eventually(async () =>
    expect(await customer.order(id)).toMatchObject({ status: 'rejected', reason: 'unknown-sku' }),
  );
});
