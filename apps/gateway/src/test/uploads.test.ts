import { randomBytes } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { captureMessages, eventually, type CapturedMessages } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { GatewayUnderTest, type SignedUpUser } from './gateway-under-test.ts';

const MAX_BYTES = 1024 * 1024;

let gateway: GatewayUnderTest;
let events: CapturedMessages;
let ada: SignedUpUser;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start({ WARREN_MAX_UPLOAD_BYTES: String(MAX_BYTES) });
  events = await captureMessages(gateway.broker.url, 'files.events', '#');
  ada = await gateway.signUp();
});

afterAll(async () => {
  await events?.close();
  await gateway?.stop();
});

const get = (path: string, headers: Record<string, string> = {}, token = ada.token) =>
  gateway.call('GET', path, { token, headers });

const traces = async () => ({
  files: (await gateway.storedFiles()).sort(),
  rows: await gateway.counts('file_views', 'file_history', 'pending_uploads'),
});

/** Begins an upload on a connection of its own, and sends only what is given. */
function beginUpload(body: string | Buffer, contentLength: number): Socket {
  const socket = connect(Number(new URL(gateway.service.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ada.token}\r\n` +
      `content-type: multipart/form-data; boundary=b\r\ncontent-length: ${contentLength}\r\n\r\n`,
  );
  socket.write(body);
  return socket;
}

const part = (name: string, filename: string | undefined, content: string): string =>
  `--b\r\ncontent-disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}` +
  `\r\n\r\n${content}\r\n`;

const form = (...parts: string[]): string => `${parts.join('')}--b--\r\n`;

const sendForm = (body: string, token = ada.token) =>
  gateway.call('POST', '/v1/files', {
    token,
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body,
  });

describe('an upload', () => {
  it('is stored, seen at once, and announced', async () => {
    const { status, headers, body } = await gateway.upload(ada.token, 'Grüße aus 東京.txt', 'hello');
    expect(status).toBe(202);
    expect(body).toEqual({ id: expect.any(String), status: 'uploaded' });
    expect(headers.get('location')).toBe(`/v1/files/${body.id}`);

    expect((await get(headers.get('location')!)).body).toEqual({
      id: body.id,
      name: 'Grüße aus 東京.txt',
      size: 5,
      mediaType: null,
      sha256: null,
      status: 'uploaded',
      progress: 0,
      result: null,
      derivatives: [],
    });
    expect(await gateway.storedFiles()).toContain(`files/${body.id}/content`);
    expect(await gateway.count('pending_uploads')).toBe(0);

    const message = await events.next(({ json }) => json<any>().subject === body.id);
    expect(message.routingKey).toBe('file.uploaded.v1');
    expect(message.json()).toMatchObject({
      sequence: '0000000001',
      correlationid: headers.get('x-request-id'),
      data: {
        fileId: body.id,
        ownerId: ada.id,
        name: 'Grüße aus 東京.txt',
        size: 5,
        objectKey: `files/${body.id}/content`,
      },
    });
  });

  it('may be empty, and may be exactly as large as the limit', async () => {
    for (const size of [0, MAX_BYTES]) {
      const bytes = new Uint8Array(size);
      const { status, body } = await gateway.upload(ada.token, 'bytes', bytes);
      expect(status).toBe(202);
      expect((await get(`/v1/files/${body.id}`)).body.size).toBe(size);
    }
  });

  it('flows to the storage while it arrives', async () => {
    const head = part('file', 'slow.bin', '').slice(0, -2);
    const socket = beginUpload(Buffer.concat([Buffer.from(head), randomBytes(300_000)]), 900_000);
    await eventually(async () => expect((await gateway.storedFiles()).join()).toContain('unfinished/'));
    socket.destroy();
    await eventually(async () => expect((await traces()).rows.pending_uploads).toBe(0));
  });
});

describe('a refused upload leaves no trace', () => {
  it('when it is cut off half-way', async () => {
    const before = await traces();
    const socket = beginUpload(part('file', 'half.bin', 'x'.repeat(200_000)), 900_000);
    await eventually(async () => expect((await traces()).rows.pending_uploads).toBe(1));
    socket.destroy();
    await eventually(async () => expect(await traces()).toEqual(before));
  });

  it('when its last bytes never come, and the client can still listen', async () => {
    const before = await traces();
    const { status, body } = await sendForm(part('file', 'half.bin', 'x'.repeat(200_000)));
    expect(status).toBe(400);
    expect(body.type).toBe('/problems/malformed-upload');
    expect(await traces()).toEqual(before);
  });

  it.each([1, 8 * MAX_BYTES])('when it is %d bytes over the limit', async (excess) => {
    const before = await traces();
    const { status, body } = await gateway.upload(ada.token, 'large.bin', new Uint8Array(MAX_BYTES + excess));
    expect(status).toBe(413);
    expect(body).toMatchObject({
      type: '/problems/content-too-large',
      detail: expect.stringContaining(String(MAX_BYTES)),
    });
    expect(await traces()).toEqual(before);
  });

  it.each<[string, string]>([
    ['there is no part', form()],
    ['the field has another name', form(part('document', 'a.txt', 'hello'))],
    ['the field is no file', form(part('file', undefined, 'hello'))],
    ['there is a second file', form(part('file', 'a.txt', 'hello'), part('file', 'b.txt', 'hello'))],
    [
      'there is a field after the file',
      form(part('file', 'a.txt', 'hello'), part('note', undefined, 'hello')),
    ],
    [
      'there is a field before the file',
      form(part('note', undefined, 'hello'), part('file', 'a.txt', 'hello')),
    ],
    ['the name is empty', form(part('file', '', 'hello'))],
    ['the name is endless', form(part('file', 'n'.repeat(256), 'hello'))],
    ['the name has a control character', form(part('file', 'a\u0007.txt', 'hello'))],
    ['a field is named after a part of JavaScript', form(part('__proto__', 'a.txt', 'hello'))],
    ['it is no form at all', 'hello'],
    ['it is nothing', ''],
  ])('when %s', async (_what, body) => {
    const before = await traces();
    const answer = await sendForm(body);
    expect({ status: answer.status, type: answer.body.type }).toEqual({
      status: 400,
      type: '/problems/malformed-upload',
    });
    expect(await traces()).toEqual(before);
  });

  it('when the form has no boundary', async () => {
    const before = await traces();
    const answer = await gateway.call('POST', '/v1/files', {
      token: ada.token,
      headers: { 'content-type': 'multipart/form-data' },
      body: form(part('file', 'a.txt', 'hello')),
    });
    expect(answer).toMatchObject({ status: 400, body: { type: '/problems/malformed-upload' } });
    expect(await traces()).toEqual(before);
  });

  it('when nobody is signed in, even if much is sent', async () => {
    const before = await traces();
    const answer = await gateway.call('POST', '/v1/files', {
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: form(part('file', 'large.bin', 'x'.repeat(8_000_000))),
    });
    expect(answer).toMatchObject({ status: 401, body: { type: '/problems/missing-token' } });
    expect(await traces()).toEqual(before);
  });

  it('when its row can not be committed', async () => {
    const before = await traces();
    await gateway.database.query(
      `ALTER TABLE gateway.file_views ADD CONSTRAINT no_files CHECK (name <> 'doomed') NOT VALID`,
    );
    try {
      const { status } = await gateway.upload(ada.token, 'doomed', 'hello');
      expect(status).toBe(500);
    } finally {
      await gateway.database.query('ALTER TABLE gateway.file_views DROP CONSTRAINT no_files');
    }
    expect(await traces()).toEqual(before);
  });
});

describe('what crashed uploads left', () => {
  it('is removed when a gateway starts, if it is an hour old', async () => {
    await gateway.upload(ada.token, 'first.txt', 'so that there is a store');
    const longAgo = new Date(Date.now() - 61 * 60_000);
    const place = async (path: string, time: Date): Promise<void> => {
      await mkdir(dirname(join(gateway.directory, path)), { recursive: true });
      await writeFile(join(gateway.directory, path), 'left over');
      await utimes(join(gateway.directory, path), time, time);
    };
    const pending = (id: string, time: Date) =>
      gateway.database.query('INSERT INTO gateway.pending_uploads VALUES ($1, $2)', [id, time]);

    const [orphan, fresh, underWay] = [uuidv7(), uuidv7(), uuidv7()];
    await place('unfinished/old', longAgo);
    await place('unfinished/new', new Date());
    await place(`files/${orphan}/content`, longAgo);
    await pending(orphan, longAgo);
    await place(`files/${fresh}/content`, new Date());
    await pending(fresh, longAgo);
    await pending(underWay, longAgo); // its bytes are still arriving

    const replica = await gateway.startReplica();
    try {
      await eventually(async () => {
        const files = await gateway.storedFiles();
        expect(files).not.toContain('unfinished/old');
        expect(files).not.toContain(`files/${orphan}/content`);
        const left = await gateway.database.query<{ file_id: string }>(
          'SELECT file_id FROM gateway.pending_uploads',
        );
        expect(left.map(({ file_id }) => file_id).sort()).toEqual([fresh, underWay].sort());
      });
      expect(await gateway.storedFiles()).toEqual(
        expect.arrayContaining(['unfinished/new', `files/${fresh}/content`]),
      );
    } finally {
      await replica.stop();
    }
  });
});
