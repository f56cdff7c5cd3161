import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { StorageUnavailable } from './errors.ts';

/** Bytes that are read at once, and kept ahead of the reader. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Streams `length` bytes of an open file from `start` on, and closes it at the end or when destroyed.
 * Fails with StorageUnavailable, also when the file ends too early. (Node's own file stream fails with bare
 * system errors, which a reader can't tell from its own.)
 */
export function readFileRange(handle: FileHandle, key: string, start: number, length: number): Readable {
  let position = start;
  const end = start + length;
  return new Readable({
    highWaterMark: CHUNK_BYTES,
    read(size) {
      if (position >= end) {
        this.push(null);
        return;
      }
      const wanted = Math.min(Math.max(size, 1), end - position);
      handle.read(Buffer.allocUnsafe(wanted), 0, wanted, position).then(
        ({ bytesRead, buffer }) => {
          position += bytesRead;
          if (bytesRead > 0) this.push(buffer.subarray(0, bytesRead));
          else this.destroy(new StorageUnavailable(`${key} ends at byte ${position} instead of ${end}`));
        },
        (error: Error) =>
          this.destroy(new StorageUnavailable(`${key} can't be read: ${error.message}`, { cause: error })),
      );
    },
    destroy(error, callback) {
      handle.close().then(
        () => callback(error),
        (closing: Error) => callback(error ?? closing),
      );
    },
  });
}
