import { randomFillSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { GatewayUnderTest, type SignedUpUser } from './gateway-under-test.ts';

let gateway: GatewayUnderTest;
let ada: SignedUpUser;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  ada = await gateway.signUp();
});

afterAll(() => gateway?.stop());

const get = (path: string, headers: Record<string, string> = {}, token = ada.token) =>
  gateway.call('GET', path, { token, headers });

const publishEvent = (type: string, fileId: string, sequence: number, change: object = {}) =>
  gateway.publishEvent(type, fileId, sequence, { fileId, ownerId: ada.id, ...change });

describe('the view of a file', () => {
  it('shows what processing found out, and where its derivatives are', async () => {
    const { body } = await gateway.upload(ada.token, 'holiday.jpg', 'not really an image');
    const before = await get(`/v1/files/${body.id}`);
    const objectKey = `files/${body.id}/thumbnail.webp`;
    const thumbnail = { name: 'thumbnail.webp', mediaType: 'image/webp', size: 9, objectKey };
    await writeFile(join(gateway.directory, objectKey), 'thumbnail');
    await publishEvent('file.processed.v1', body.id, 2, {
      name: 'holiday.jpg',
      size: 19,
      derivatives: [thumbnail],
    });
    const after = await eventually(async () => {
      const answer = await get(`/v1/files/${body.id}`);
      expect(answer.body.status).toBe('processed');
      return answer;
    });
    const url = `/v1/files/${body.id}/derivatives/thumbnail.webp`;
    expect(after.body).toEqual({
      id: body.id,
      name: 'holiday.jpg',
      size: 19,
      mediaType: 'image/jpeg',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      status: 'processed',
      progress: 100,
      result: { width: 4000, height: 3000 },
      derivatives: [{ name: 'thumbnail.webp', mediaType: 'image/webp', size: 9, url }],
    });
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));

    const derivative = await get(url);
    expect(derivative).toMatchObject({ status: 200, body: 'thumbnail' });
    expect(derivative.headers.get('content-type')).toBe('image/webp');
    expect((await get(`/v1/files/${body.id}/derivatives/other.webp`)).status).toBe(404);
    expect((await get(`/v1/files/${body.id}/derivatives/..%2Fcontent`)).status).toBe(400);
    expect((await get(`/v1/files/${body.id}/content`)).headers.get('content-type')).toBe('image/jpeg');
  });

  it('names the reason of a rejection, and is not set back by an older event', async () => {
    const { body } = await gateway.upload(ada.token, 'holiday.jpg', 'broken');
    await publishEvent('file.rejected.v1', body.id, 3);
    await eventually(async () =>
      expect((await get(`/v1/files/${body.id}`)).body).toMatchObject({
        status: 'rejected',
        reason: 'unreadable-image',
      }),
    );
    await publishEvent('file.processed.v1', body.id, 2);
    await eventually(async () => {
      const history = await gateway.database.query(
        'SELECT type FROM gateway.file_history WHERE file_id = $1 ORDER BY version',
        [body.id],
      );
      expect(history.map(({ type }) => type)).toEqual([
        'file.uploaded.v1',
        'file.processed.v1',
        'file.rejected.v1',
      ]);
    });
    expect((await get(`/v1/files/${body.id}`)).body.status).toBe('rejected');
  });

  it('is made by events alone when the row is missing', async () => {
    const id = uuidv7();
    await publishEvent('file.processed.v1', id, 2, { derivatives: [] });
    await eventually(async () =>
      expect((await get(`/v1/files/${id}`)).body).toMatchObject({ name: 'holiday.jpg', status: 'processed' }),
    );
  });

  it('is listed from the latest to the first, in pages', async () => {
    const grace = await gateway.signUp();
    const ids: string[] = [];
    for (const name of ['1', '2', '3']) ids.unshift((await gateway.upload(grace.token, name, name)).body.id);
    const first = await get('/v1/files?limit=2', {}, grace.token);
    const second = await get(`/v1/files?limit=2&cursor=${first.body.nextCursor}`, {}, grace.token);
    const seen = [...first.body.items, ...second.body.items].map(({ id }: { id: string }) => id);
    expect(seen).toEqual(ids);
    expect(second.body.nextCursor).toBeNull();
  });

  it("hides somebody else's file, its content and its derivatives", async () => {
    const { body } = await gateway.upload(ada.token, 'secret.txt', 'secret');
    const grace = await gateway.signUp();
    for (const path of ['', '/content', '/derivatives/thumbnail.webp']) {
      const answer = await get(`/v1/files/${body.id}${path}`, {}, grace.token);
      expect(answer).toMatchObject({ status: 404, body: { type: '/problems/not-found' } });
    }
  });
});

describe('the content of a file', () => {
  const bytes = randomFillSync(new Uint8Array(1000));
  let path: string;

  beforeAll(async () => {
    const { body } = await gateway.upload(ada.token, 'a (strange); näme.html', bytes);
    path = `/v1/files/${body.id}/content`;
  });

  async function fetchBytes(headers: Record<string, string> = {}, method = 'GET') {
    const response = await fetch(gateway.service.url + path, {
      method,
      headers: { authorization: `Bearer ${ada.token}`, ...headers },
    });
    return {
      status: response.status,
      headers: response.headers,
      bytes: new Uint8Array(await response.arrayBuffer()),
    };
  }

  it('is what was uploaded, and is never run by a browser', async () => {
    const answer = await fetchBytes();
    expect(answer.status).toBe(200);
    expect(answer.bytes).toEqual(bytes);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-length': '1000',
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'content-disposition': `attachment; filename="a _strange__ n_me.html"; filename*=UTF-8''a%20%28strange%29%3B%20n%C3%A4me.html`,
    });
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=100-199', 100, 199],
    ['bytes=990-', 990, 999],
    ['bytes=-10', 990, 999],
    ['bytes=-5000', 0, 999],
    ['bytes=500-5000', 500, 999],
  ])('is sent in part for %s', async (range, start, end) => {
    const answer = await fetchBytes({ range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end}/1000`);
    expect(answer.headers.get('content-length')).toBe(String(end - start + 1));
    expect(answer.bytes).toEqual(bytes.slice(start, end + 1));
  });

  it.each(['bytes=1000-', 'bytes=5000-6000', 'bytes=-0'])('has nothing for %s', async (range) => {
    const answer = await gateway.call('GET', path, { token: ada.token, headers: { range } });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */1000');
    expect(answer.body.type).toBe('/problems/range-not-satisfiable');
  });

  it.each(['bytes=5-2', 'bytes=-', 'bytes=a-b', 'lines=1-2', 'bytes=0-1,5-6'])(
    'is sent whole for %s',
    async (range) => {
      const answer = await fetchBytes({ range });
      expect(answer.status).toBe(200);
      expect(answer.bytes).toEqual(bytes);
    },
  );

  it('is sent in part only if it is the version that If-Range names', async () => {
    const etag = (await fetchBytes()).headers.get('etag')!;
    expect((await fetchBytes({ range: 'bytes=0-9', 'if-range': etag })).status).toBe(206);
    expect((await fetchBytes({ range: 'bytes=0-9', 'if-range': '"other"' })).status).toBe(200);
    expect((await fetchBytes({ 'if-none-match': etag })).status).toBe(304);
  });

  it('can be asked about without sending it', async () => {
    const answer = await fetchBytes({}, 'HEAD');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('1000');
    expect(answer.bytes).toHaveLength(0);
  });
});
