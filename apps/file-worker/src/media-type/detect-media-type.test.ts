import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { detectMediaType } from './detect-media-type.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'warren-media-types-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** @param sampleBytes where the sample ends. */
function detect(content: string | Buffer, sampleBytes = Infinity): Promise<string> {
  const bytes = Buffer.from(content);
  const sample = { bytes: bytes.subarray(0, sampleBytes), complete: sampleBytes >= bytes.length };
  return detectMediaType(sample, async (use) => {
    const path = join(directory, 'file');
    await writeFile(path, bytes);
    return use(path);
  });
}

describe('the media type of a file', () => {
  it.each(['png', 'jpeg', 'webp', 'gif', 'avif', 'tiff'] as const)(
    'is found out for an image in %s',
    async (format) => {
      const image = sharp({ create: { width: 8, height: 8, channels: 3, background: 'teal' } });
      await expect(detect(await image.toFormat(format).toBuffer())).resolves.toBe(`image/${format}`);
    },
  );

  it.each([
    ['CSV', 'a,b\n1,2\n', 'text/csv'],
    ['tab-separated values', 'a\tb\n1\t2\n', 'text/tab-separated-values'],
    ['text', 'Good morning.\n', 'text/plain'],
    ['text that begins like a bitmap', 'BM is the abbreviation of\nballet master\n', 'text/plain'],
    ['a table that begins like a program', 'MZ,AN\n1,2\n', 'text/csv'],
    ['XML', '<?xml version="1.0"?><a/>', 'application/xml'],
    ['a PDF of ASCII alone', '%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n', 'application/pdf'],
    ['a gzip file', gzipSync('hello'), 'application/gzip'],
    ['bytes that nobody knows', Buffer.from([1, 2, 3, 4, 250, 251, 252, 253]), 'application/octet-stream'],
    ['text with a NUL in it', 'a,b\n1,\0\n', 'application/octet-stream'],
    ['text that is not UTF-8', Buffer.from('größe,b\n1,2\n', 'latin1'), 'application/octet-stream'],
    ['one byte', 'x', 'text/plain'],
    ['no bytes', '', 'application/octet-stream'],
  ])('is found out for %s', async (_what, content, expected) => {
    await expect(detect(content)).resolves.toBe(expected);
  });

  it('is found out by what stands at the end of the file, too', async () => {
    const pixels = randomBytes(200 * 200 * 3);
    const tiff = await sharp(pixels, { raw: { width: 200, height: 200, channels: 3 } })
      .tiff({ compression: 'none' })
      .toBuffer();
    await expect(detect(tiff, 64 * 1024)).resolves.toBe('image/tiff');
  });

  it('is that of text also when the sample ends inside of a character', async () => {
    const text = Buffer.from('Gruß 名前 🦫\n'.repeat(20));
    for (let end = text.length - 12; end < text.length; end += 1) {
      await expect(detect(text, end)).resolves.toBe('text/plain');
    }
    await expect(detect(text.subarray(0, -2))).resolves.toBe('application/octet-stream');
  });

  it('is some type for whatever bytes there are', async () => {
    const png = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    for (let round = 0; round < 300; round += 1) {
      // Signatures lead into parsers, which the random rest must not bring down.
      const signature = [
        png,
        Buffer.from('PK\x03\x04'),
        gzipSync('x'),
        Buffer.from('ftyp'),
        Buffer.from('RIFF'),
      ][round % 5]!;
      const content = Buffer.concat([signature.subarray(0, 4 + (round % 40)), randomBytes(200)]);
      await expect(detect(content, round % 2 === 0 ? 100 : Infinity)).resolves.toMatch(
        /^[a-z]+\/[-+.a-z0-9]+$/,
      );
    }
  });
});
