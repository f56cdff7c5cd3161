import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { crc32, deflateSync } from 'node:zlib';
import {
  createLocalObjectStore,
  ObjectNotFound,
  objectKey,
  StorageUnavailable,
  type ObjectStore,
} from '@warren/object-storage';
import sharp from 'sharp';
import { FileExaminer, type Examination } from './examine-file.ts';
import { CsvProcessor } from './processors/csv.ts';
import { ImageProcessor } from './processors/image.ts';

describe('the examination of a file', () => {
  let directory: string;
  let store: ObjectStore;
  let examiner: FileExaminer;
  let fileId: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'warren-examine-'));
    store = createLocalObjectStore(directory);
    examiner = new FileExaminer(store, [new ImageProcessor({ maxPixels: 1_000_000 }), new CsvProcessor()]);
  });
  beforeEach(() => {
    fileId = randomUUID();
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function examine(content: Buffer | string | Readable): Promise<Examination> {
    const key = objectKey(fileId, 'content');
    const source = content instanceof Readable ? content : Readable.from([Buffer.from(content)]);
    const { size } = await store.put(key, source);
    return examiner.examine({ fileId, objectKey: key, size });
  }
  const rejection = (reason: string, mediaType: string, detail: RegExp) => ({
    accepted: false,
    mediaType,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    rejection: expect.objectContaining({ reason, message: expect.stringMatching(detail) }),
  });
  const derivative = async (name: string) => buffer((await store.get(objectKey(fileId, name))).stream);

  describe('that is delimited text', () => {
    it.each([
      ['LF and a line break at the end', 'a,b\n1,2\n3,4\n', 2],
      ['CRLF', 'a,b\r\n1,2\r\n3,4\r\n', 2],
      ['no line break at the end', 'a,b\n1,2\n3,4', 2],
      ['a byte order mark', '\uFEFFa,b\n1,2\n', 1],
      ['semicolons', 'a;b\n1,5;2\n3;4\n5;6\n', 3],
      ['quoted delimiters, quotes and line breaks', 'a,b\n"1,5","x\ny"\n"say ""hi""",2\n', 2],
      ['a header alone', 'a,b,c\n', 0],
      ['blank lines', 'a,b\n\n1,2\n\n3,4\n\n\n', 2],
      ['rows of uneven length', 'a,b,c\n1,2\n3,4,5,6\n', 2],
      ["Excel's line about the separator", 'sep=;\r\na;b\r\n1;2\r\n', 1],
    ])('counts its data rows, with %s', async (_what, content, rows) => {
      await expect(examine(content)).resolves.toMatchObject({
        accepted: true,
        mediaType: 'text/csv',
        result: { rows },
        derivatives: [],
      });
    });

    it('counts rows separated by tabs', async () => {
      await expect(examine('a\tb\n1\t2\n')).resolves.toMatchObject({
        mediaType: 'text/tab-separated-values',
        result: { rows: 1 },
      });
    });

    it.each([
      ['a quote is never closed', 'a,b\n1,2\n3,"4\n5,6\n', /opens on line 3/],
      ['text follows a closing quote', 'a,b\n1,2\n"3"x,4\n5,6\n', /line 3/],
    ])('rejects it when %s, and tells the line', async (_what, content, detail) => {
      await expect(examine(content)).resolves.toEqual(rejection('malformed-csv', 'text/csv', detail));
    });

    it('counts a file of many chunks', async () => {
      function* lines() {
        yield 'id,text\n';
        for (let row = 0; row < 200; row += 1)
          yield `${row},"${'x'.repeat(9_000)}\n, ""quoted"""\n`.repeat(5);
      }
      await expect(examine(Readable.from(lines()))).resolves.toMatchObject({ result: { rows: 1000 } });
    });
  });

  describe('that is an image', () => {
    const picture = (width: number, height: number) =>
      sharp({ create: { width, height, channels: 3, background: { r: 200, g: 60, b: 20 } } });

    it.each(['png', 'jpeg', 'webp', 'gif', 'avif', 'tiff'] as const)(
      'measures %s and makes a thumbnail',
      async (format) => {
        const found = await examine(await picture(640, 400).toFormat(format).toBuffer());
        const thumbnail = await derivative('thumbnail.webp');
        expect(found).toMatchObject({
          accepted: true,
          mediaType: `image/${format}`,
          result: { width: 640, height: 400 },
          derivatives: [
            {
              name: 'thumbnail.webp',
              mediaType: 'image/webp',
              size: thumbnail.length,
              objectKey: objectKey(fileId, 'thumbnail.webp'),
            },
          ],
        });
        await expect(sharp(thumbnail).metadata()).resolves.toMatchObject({
          format: 'webp',
          width: 320,
          height: 200,
        });
      },
    );

    it('applies the orientation that the camera noted, and keeps no metadata in the thumbnail', async () => {
      const content = await picture(600, 300)
        .jpeg()
        .withExif({
          IFD0: { Copyright: 'somebody' },
          IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 30/1 0/1' },
        })
        .withMetadata({ orientation: 6 })
        .toBuffer();
      expect((await sharp(content).metadata()).exif).toBeDefined();
      await expect(examine(content)).resolves.toMatchObject({ result: { width: 300, height: 600 } });
      const { width, height, exif, orientation, icc, xmp } = await sharp(
        await derivative('thumbnail.webp'),
      ).metadata();
      expect({ width, height }).toEqual({ width: 160, height: 320 });
      expect([exif, orientation, icc, xmp]).toEqual([undefined, undefined, undefined, undefined]);
    });

    it('does not enlarge a small one', async () => {
      await examine(await picture(20, 10).png().toBuffer());
      await expect(sharp(await derivative('thumbnail.webp')).metadata()).resolves.toMatchObject({
        width: 20,
        height: 10,
      });
    });

    it('makes the same thumbnail each time', async () => {
      const content = await picture(640, 400).jpeg().toBuffer();
      await examine(content);
      const first = await derivative('thumbnail.webp');
      await examine(content);
      expect((await derivative('thumbnail.webp')).equals(first)).toBe(true);
    });

    it('takes one of exactly as many pixels as are allowed, and rejects one of more', async () => {
      await expect(examine(await picture(1000, 1000).png().toBuffer())).resolves.toMatchObject({
        accepted: true,
      });
      fileId = randomUUID();
      await expect(examine(await picture(1000, 1001).png().toBuffer())).resolves.toEqual(
        rejection('too-many-pixels', 'image/png', /1000 × 1001/),
      );
      await expect(store.get(objectKey(fileId, 'thumbnail.webp'))).rejects.toThrow(ObjectNotFound);
    });

    it('rejects a bomb of 900 megapixels by its header, without decoding it', async () => {
      await expect(examine(pngOfZeros(30_000, 30_000))).resolves.toEqual(
        rejection('too-many-pixels', 'image/png', /30000 × 30000/),
      );
    });

    it.each(['png', 'jpeg', 'webp'] as const)('rejects a %s that is cut off', async (format) => {
      const noise = sharp(randomBytes(300 * 300 * 3), { raw: { width: 300, height: 300, channels: 3 } });
      const content = await noise.toFormat(format).toBuffer();
      await expect(examine(content.subarray(0, Math.floor(content.length / 2)))).resolves.toEqual(
        rejection('unreadable-image', `image/${format}`, /./),
      );
    });

    it('rejects one of which only the header is right', async () => {
      const header = pngOfZeros(64, 64).subarray(0, 33);
      await expect(examine(Buffer.concat([header, Buffer.alloc(500, 0x55)]))).resolves.toEqual(
        rejection('unreadable-image', 'image/png', /./),
      );
    });
  });

  it('tells checksum and media type of any other file', async () => {
    const content = randomBytes(300_000);
    await expect(examine(content)).resolves.toEqual({
      accepted: true,
      sha256: createHash('sha256').update(content).digest('hex'),
      mediaType: 'application/octet-stream',
      result: {},
      derivatives: [],
    });
  });

  it('takes a file of no bytes', async () => {
    await expect(examine('')).resolves.toEqual({
      accepted: true,
      sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      mediaType: 'application/octet-stream',
      result: {},
      derivatives: [],
    });
  });

  it('rejects a file whose object is missing or has another size', async () => {
    const key = objectKey(fileId, 'content');
    await expect(examiner.examine({ fileId, objectKey: key, size: 4 })).resolves.toMatchObject({
      accepted: false,
      rejection: { reason: 'content-missing' },
    });
    await store.put(key, Readable.from(['content']));
    for (const size of [0, 6, 8]) {
      await expect(examiner.examine({ fileId, objectKey: key, size })).resolves.toMatchObject({
        accepted: false,
        rejection: { reason: 'size-mismatch', message: `7 bytes are stored, ${size} were uploaded` },
      });
    }
  });

  it('does not blame the file when the storage is away', async () => {
    const away = new FileExaminer(createLocalObjectStore(join(directory, 'away')), []);
    await expect(away.examine({ fileId, objectKey: objectKey(fileId, 'content'), size: 1 })).rejects.toThrow(
      StorageUnavailable,
    );
  });

  it('refuses two processors for one media type', () => {
    expect(() => new FileExaminer(store, [new CsvProcessor(), new CsvProcessor()])).toThrow(
      /text\/csv is claimed by/,
    );
  });
});

/** A valid PNG of one bit a pixel, all black: huge when decoded, small as a file. */
function pngOfZeros(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = deflateSync(Buffer.alloc((Math.ceil(width / 8) + 1) * height));
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
