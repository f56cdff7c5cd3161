import { createHash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { EventEnvelope, FileUploadedV1 } from '@warren/contracts';
import { objectKey } from '@warren/object-storage';
import { startService } from '@warren/service';
import { eventually } from '@warren/testing';
import sharp from 'sharp';
import { v7 as uuidv7 } from 'uuid';
import { fileWorker } from '../app.module.ts';
import { FileWorkerRig } from './file-worker-rig.ts';

const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');
const photo = (width = 800, height = 600) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } })
    .jpeg()
    .toBuffer();

describe('the processing of uploaded files', () => {
  let rig: FileWorkerRig;

  beforeAll(async () => {
    rig = await FileWorkerRig.start();
  });
  afterAll(() => rig.stop());

  it('announces what an image is, with a thumbnail that can be fetched', async () => {
    const content = await photo();
    const uploaded = await rig.upload(content);
    await rig.publish(uploaded);
    const { fileId, ownerId, name } = uploaded.data;

    const outcome = await rig.outcomeOf(fileId);
    const thumbnailKey = objectKey(fileId, 'thumbnail.webp');
    const { stream, size } = await rig.store.get(thumbnailKey);
    expect(outcome).toMatchObject({
      type: 'file.processed.v1',
      source: '/warren/file-worker',
      subject: fileId,
      sequence: '0000000002',
      causationid: uploaded.id,
      correlationid: uploaded.correlationid,
      data: {
        fileId,
        ownerId,
        name,
        size: content.length,
        sha256: sha256(content),
        mediaType: 'image/jpeg',
        result: { width: 800, height: 600 },
        derivatives: [{ name: 'thumbnail.webp', mediaType: 'image/webp', size, objectKey: thumbnailKey }],
      },
    });
    await expect(sharp(await buffer(stream)).metadata()).resolves.toMatchObject({
      format: 'webp',
      width: 320,
      height: 240,
    });
    await expect(rig.jobOf(fileId)).resolves.toMatchObject({
      status: 'processed',
      attempts: 1,
      finished: true,
      result: { mediaType: 'image/jpeg' },
    });
  });

  it('announces the number of rows of a CSV file', async () => {
    const content = 'sku,name\r\n1,"Pen, blue"\r\n2,Ink\r\n';
    const uploaded = await rig.upload(content);
    await rig.publish(uploaded);
    await expect(rig.outcomeOf(uploaded.data.fileId)).resolves.toMatchObject({
      type: 'file.processed.v1',
      data: { mediaType: 'text/csv', sha256: sha256(content), result: { rows: 2 }, derivatives: [] },
    });
  });

  it('announces what is known of any other file', async () => {
    const content = Buffer.from([0, 1, 2, 3, 250, 251]);
    const uploaded = await rig.upload(content);
    await rig.publish(uploaded);
    await expect(rig.outcomeOf(uploaded.data.fileId)).resolves.toMatchObject({
      type: 'file.processed.v1',
      data: { mediaType: 'application/octet-stream', sha256: sha256(content), result: {}, derivatives: [] },
    });
  });

  it('rejects a file with the reason, and notes the detail for operators', async () => {
    const content = 'a,b\n1,"never closed\n';
    const uploaded = await rig.upload(content);
    await rig.publish(uploaded);
    const { fileId, ownerId, name } = uploaded.data;
    const outcome = await rig.outcomeOf(fileId);
    expect(outcome).toMatchObject({
      type: 'file.rejected.v1',
      sequence: '0000000002',
      data: {
        fileId,
        ownerId,
        name,
        size: content.length,
        reason: 'malformed-csv',
        mediaType: 'text/csv',
        sha256: sha256(content),
      },
    });
    await expect(rig.jobOf(fileId)).resolves.toMatchObject({
      status: 'rejected',
      finished: true,
      result: { reason: 'malformed-csv', detail: 'the quote that opens on line 2 is never closed' },
    });
  });

  it('rejects a file whose bytes are missing, and one of which not all are there', async () => {
    const fileId = uuidv7();
    const missing = rig.announcement({ fileId, size: 10, objectKey: objectKey(fileId, 'content') });
    const truncated = await rig.upload('only a part', { size: 1000 });
    await rig.publish(missing);
    await rig.publish(truncated);
    await expect(rig.outcomeOf(fileId)).resolves.toMatchObject({
      type: 'file.rejected.v1',
      data: { reason: 'content-missing', size: 10 },
    });
    await expect(rig.outcomeOf(truncated.data.fileId)).resolves.toMatchObject({
      type: 'file.rejected.v1',
      data: { reason: 'size-mismatch', size: 1000 },
    });
  });

  it('gives a file one outcome, whether its event comes again under the same id or under another', async () => {
    const uploaded = await rig.upload(await photo());
    const { fileId } = uploaded.data;
    await rig.publish(uploaded);
    await rig.outcomeOf(fileId);
    await rig.publish(uploaded);
    await rig.publish({ ...uploaded, id: uuidv7() });
    // One worker takes jobs in order; the outcome of a later file comes after whatever these two would bring.
    for (let later = 0; later < 3; later += 1) {
      const other = await rig.upload('later');
      await rig.publish(other);
      await rig.outcomeOf(other.data.fileId);
    }
    expect(rig.outcomesOf(fileId)).toHaveLength(1);
    await expect(rig.jobOf(fileId)).resolves.toMatchObject({ status: 'processed', attempts: 1 });
  });

  it('gives a file one outcome when its event is handled twice at the same time', async () => {
    const uploaded = await rig.upload(await photo(3000, 2000));
    const { fileId } = uploaded.data;
    await Promise.all([
      rig.publish(uploaded),
      rig.publish({ ...uploaded, id: uuidv7() }),
      rig.publish(uploaded),
    ]);
    await rig.outcomeOf(fileId);
    await eventually(async () => {
      const { messages, messages_unacknowledged } = await rig.broker.management.call<Record<string, number>>(
        'GET',
        `/queues/${rig.broker.vhost}/file-worker.jobs`,
      );
      expect({ messages, messages_unacknowledged }).toEqual({ messages: 0, messages_unacknowledged: 0 });
    });
    expect(rig.outcomesOf(fileId)).toHaveLength(1);
  });

  it('comes to the same result after a crash between the derivative and the commit', async () => {
    // The server process behind the connection dies with the first commit of an outcome, and the commit with it.
    await rig.database.query(`
      CREATE SEQUENCE file_worker.finishes;
      CREATE FUNCTION file_worker.crash_once() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('file_worker.finishes') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER crash_once BEFORE UPDATE OF status ON file_worker.processing_jobs
        FOR EACH ROW EXECUTE FUNCTION file_worker.crash_once();`);
    const uploaded = await rig.upload(await photo());
    const { fileId } = uploaded.data;
    const thumbnailKey = objectKey(fileId, 'thumbnail.webp');
    await rig.publish(uploaded);
    await eventually(async () => {
      const [row] = await rig.database.query<{ is_called: boolean }>(
        'SELECT is_called FROM file_worker.finishes',
      );
      expect(row).toEqual({ is_called: true });
    });
    const before = await buffer((await rig.store.get(thumbnailKey)).stream);
    expect(rig.outcomesOf(fileId)).toEqual([]);
    await expect(rig.jobOf(fileId)).resolves.toMatchObject({ status: 'processing', attempts: 1 });

    // The broker would deliver it again after the delay; this is the same message without the wait.
    await rig.publish(uploaded);
    await expect(rig.outcomeOf(fileId)).resolves.toMatchObject({
      type: 'file.processed.v1',
      data: { derivatives: [{ objectKey: thumbnailKey, size: before.length }] },
    });
    expect((await buffer((await rig.store.get(thumbnailKey)).stream)).equals(before)).toBe(true);
    await expect(rig.jobOf(fileId)).resolves.toMatchObject({ status: 'processed', attempts: 2 });
    await rig.database.query('DROP FUNCTION file_worker.crash_once CASCADE');
  });

  it('keeps files for later while the storage is away, and neither rejects nor dead-letters them', async () => {
    const uploads: EventEnvelope<FileUploadedV1>[] = [];
    for (let count = 0; count < 4; count += 1) uploads.push(await rig.upload(`content ${count}`));
    await rename(rig.directory, `${rig.directory}-away`);
    try {
      for (const uploaded of uploads) await rig.publish(uploaded);
      // Begun more than once means that the storage was found away and one of them probes.
      await eventually(async () => {
        const attempts = await Promise.all(
          uploads.map(async ({ data }) => (await rig.jobOf(data.fileId))?.attempts ?? 0),
        );
        expect(Math.max(...attempts)).toBeGreaterThan(1);
      });
    } finally {
      await rename(`${rig.directory}-away`, rig.directory);
    }
    // Those that wait in the broker come back after their delay; here they come at once.
    for (const uploaded of uploads) await rig.publish(uploaded);
    for (const { data } of uploads) {
      await expect(rig.outcomeOf(data.fileId)).resolves.toMatchObject({ type: 'file.processed.v1' });
    }
    expect(rig.deadLetters.all).toEqual([]);
  });

  it('dead-letters an event that names no object, and goes on', async () => {
    const uploaded = await rig.upload('content', { objectKey: `files/${'-'.repeat(36)}/content` });
    await rig.publish(uploaded);
    const dead = await rig.deadLetters.next();
    expect(dead.json()).toMatchObject({ id: uploaded.id });
    const next = await rig.upload('next');
    await rig.publish(next);
    await rig.outcomeOf(next.data.fileId);
  });
});

describe('a file-worker that is configured', () => {
  it('rejects images of more pixels than it may decode', async () => {
    const rig = await FileWorkerRig.start({
      WARREN_MAX_IMAGE_PIXELS: '10000',
      WARREN_PROCESSING_CONCURRENCY: '1',
    });
    try {
      const uploaded = await rig.upload(await photo(101, 100));
      await rig.publish(uploaded);
      await expect(rig.outcomeOf(uploaded.data.fileId)).resolves.toMatchObject({
        type: 'file.rejected.v1',
        data: { reason: 'too-many-pixels', mediaType: 'image/jpeg' },
      });
    } finally {
      await rig.stop();
    }
  });

  it('does not start without a directory, and names what is missing', async () => {
    const environment = {
      WARREN_DATABASE_URL: 'postgres://127.0.0.1/none',
      WARREN_AMQP_URL: 'amqp://127.0.0.1',
    };
    await expect(startService(fileWorker, environment)).rejects.toThrow(/WARREN_FILES_DIRECTORY/);
  });
});
