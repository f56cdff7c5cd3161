import { isUtf8 } from 'node:buffer';
import { fileTypeFromBuffer, fileTypeFromFile } from 'file-type';
import { sniffCsv, type Sample } from '../csv/sniff-csv.ts';

/** Bytes of the beginning of a file that its type is found out from. */
export const SAMPLE_BYTES = 64 * 1024;

const UNKNOWN = 'application/octet-stream';
/** Control characters that text has: tab, line feed, form feed, carriage return, and escape in terminal output. */
const CONTROLS_OF_TEXT = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1b]);
/** Types whose files may be text from the first byte to the last. */
const TEXTUAL_TYPES = new Set([
  'application/pdf',
  'application/postscript',
  'application/eps',
  'application/rtf',
  'application/xml',
]);

/**
 * The media type of a file by its bytes. Its name has no say.
 *
 * Text is looked at first: signatures of binary types can be two letters long, and a table whose first column is
 * "BMI" would be a bitmap image. Text in UTF-16 and in the one-byte encodings is not known for text yet.
 *
 * @param withFile lends the whole file: some types are told by what stands in the middle of it or at its end.
 */
export async function detectMediaType(
  sample: Sample,
  withFile: <T>(use: (path: string) => Promise<T>) => Promise<T>,
): Promise<string> {
  if (sample.bytes.length === 0) return UNKNOWN;
  if (!isText(sample)) return (await withFile((path) => fileTypeFromFile(path)))?.mime ?? UNKNOWN;
  const known = (await fileTypeFromBuffer(sample.bytes))?.mime;
  if (known && (known.startsWith('text/') || TEXTUAL_TYPES.has(known))) return known;
  return sniffCsv(sample)?.mediaType ?? 'text/plain';
}

function isText({ bytes, complete }: Sample): boolean {
  if (bytes.some((byte) => (byte < 0x20 && !CONTROLS_OF_TEXT.has(byte)) || byte === 0x7f)) return false;
  return isUtf8(complete ? bytes : withoutCutCharacter(bytes));
}

/** Drops the bytes of a last character that goes on after the sample. */
function withoutCutCharacter(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return bytes.subarray(0, bytes.length - back);
  }
  return bytes;
}
