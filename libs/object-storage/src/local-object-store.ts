import { randomUUID } from 'node:crypto';
import {
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ObjectNotFound, ObjectTooLarge, RangeNotSatisfiable, StorageUnavailable } from './errors.ts';
import { readFileRange } from './file-range-stream.ts';
import { assertObjectKey } from './object-key.ts';
import type { ByteRange, ObjectContent, ObjectStat, ObjectStore, PutOptions } from './object-store.ts';

/**
 * Marks the directory as an object store. Where a volume should be mounted and is not, there is an empty
 * directory: without the mark, every object would seem to be missing for ever instead of for now.
 */
const MARK = '.object-store';
/** Uploads under way. On the same file system as the objects, so that `rename` is atomic. */
const UNFINISHED = 'unfinished';

/**
 * Keeps objects as files: `<directory>/files/<uuid>/<name>`. Several processes may share the directory.
 *
 * The directory is made by the first `put`, if there is none or it is empty. One that holds other things is
 * refused, and so is one that this process has seen in use and that is empty now.
 *
 * @param directory taken from the working directory when it is relative.
 */
export function createLocalObjectStore(directory: string): ObjectStore {
  return new LocalObjectStore(resolve(directory));
}

class LocalObjectStore implements ObjectStore {
  readonly #directory: string;
  #seen = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async put(key: string, source: Readable, options: PutOptions = {}): Promise<{ size: number }> {
    try {
      const path = this.#pathOf(key);
      options.signal?.throwIfAborted();
      assertUnread(source);
      await this.#prepare();
      const unfinished = join(this.#directory, UNFINISHED, randomUUID());
      try {
        const size = await writeDurably(unfinished, key, source, options);
        await storageCall(`${key} can't be stored`, () => moveDurably(unfinished, path));
        return { size };
      } catch (error) {
        // The first error is the one to tell; what can't be removed now is removed by sweepUnfinished.
        await rm(unfinished, { force: true }).catch(() => undefined);
        if (options.signal?.aborted && isAbort(error)) throw options.signal.reason;
        throw error;
      }
    } catch (error) {
      source.destroy();
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<ObjectContent> {
    const path = this.#pathOf(key);
    assertRange(range);
    const handle = await this.#find(key, () => open(path, 'r'));
    try {
      const { size } = await storageCall(`${key} can't be read`, () => handle.stat());
      if (range && range.start >= size) throw new RangeNotSatisfiable(key, range, size);
      const start = range?.start ?? 0;
      const length = Math.min(range?.end ?? Infinity, size - 1) - start + 1;
      return { stream: readFileRange(handle, key, start, length), size };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async withFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T> {
    await this.stat(key);
    return use(this.#pathOf(key));
  }

  async stat(key: string): Promise<ObjectStat> {
    const path = this.#pathOf(key);
    const { size, mtime } = await this.#find(key, () => stat(path));
    return { size, modifiedAt: mtime };
  }

  async delete(key: string): Promise<void> {
    const path = this.#pathOf(key);
    try {
      await this.#find(key, () => unlink(path));
    } catch (error) {
      if (error instanceof ObjectNotFound) return;
      throw error;
    }
    await storageCall(`the removal of ${key} can't be made durable`, async () => {
      await syncDirectory(dirname(path));
      await removeIfEmpty(dirname(path));
    });
  }

  async sweepUnfinished(olderThanMs: number): Promise<number> {
    const directory = join(this.#directory, UNFINISHED);
    const before = Date.now() - olderThanMs;
    return storageCall(`unfinished uploads in ${directory} can't be removed`, async () => {
      let removed = 0;
      for (const name of await readdir(directory).catch(emptyIfAbsent)) {
        const path = join(directory, name);
        const found = await stat(path).catch(undefinedIfAbsent);
        if (!found || found.mtimeMs > before) continue;
        await rm(path, { force: true });
        removed += 1;
      }
      return removed;
    });
  }

  #pathOf(key: string): string {
    assertObjectKey(key);
    return join(this.#directory, key);
  }

  /** Runs a call that fails with ENOENT when there is no such object, and finds out which of two things that means. */
  async #find<T>(key: string, call: () => Promise<T>): Promise<T> {
    try {
      return await storageCall(`${key} can't be reached`, call);
    } catch (error) {
      if (!(error instanceof StorageUnavailable) || error.code !== 'ENOENT') throw error;
      await this.#assertMarked();
      throw new ObjectNotFound(key, { cause: error });
    }
  }

  async #assertMarked(): Promise<void> {
    await storageCall(
      `${this.#directory} is not an object store: it is not mounted, or nothing was ever stored in it`,
      () => stat(join(this.#directory, MARK)),
    );
    this.#seen = true;
  }

  async #prepare(): Promise<void> {
    if (!this.#seen) await this.#initialise();
    await this.#assertMarked();
  }

  async #initialise(): Promise<void> {
    await storageCall(`the directory of objects ${this.#directory} can't be prepared`, async () => {
      await mkdir(this.#directory, { recursive: true });
      const found = await readdir(this.#directory);
      // What another process makes at the same moment may be there already; a fresh volume has a lost+found.
      const strange = found.filter((name) => name !== UNFINISHED && name !== 'lost+found');
      if (strange.length > 0 && !found.includes(MARK)) {
        throw new StorageUnavailable(
          `${this.#directory} holds other things (${strange[0]}) and no ${MARK}: ` +
            'give a directory of its own to the objects',
        );
      }
      await mkdir(join(this.#directory, UNFINISHED), { recursive: true });
      if (found.includes(MARK)) return;
      await writeFile(join(this.#directory, MARK), 'The objects of Warren are in this directory.\n', {
        flush: true,
      });
      await syncDirectory(this.#directory);
    });
  }
}

async function writeDurably(
  path: string,
  key: string,
  source: Readable,
  { maxBytes = Infinity, signal }: PutOptions,
): Promise<number> {
  const handle = await storageCall(`${key} can't be stored`, () => open(path, 'wx'));
  try {
    let size = 0;
    await pipeline(
      source,
      async (chunks: AsyncIterable<Buffer | string>) => {
        for await (const piece of chunks) {
          const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
          size += chunk.length;
          if (size > maxBytes) throw new ObjectTooLarge(key, maxBytes);
          await storageCall(`${key} can't be stored`, () => writeAll(handle, chunk));
        }
      },
      { ...(signal && { signal }) },
    );
    await storageCall(`${key} can't be stored`, () => handle.sync());
    return size;
  } finally {
    await storageCall(`${key} can't be stored`, () => handle.close());
  }
}

/** A single write may take only a part, for example when the disk is about to be full. */
async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    written += (await handle.write(chunk, written)).bytesWritten;
  }
}

/** Puts the file at `from` in the place of `to`, so that it is there after a power cut. */
async function moveDurably(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const madeFirst = await mkdir(dirname(to), { recursive: true });
    try {
      await rename(from, to);
    } catch (error) {
      // A delete of the file's last object may have removed the directory in between.
      if (!isAbsence(error) || attempt === 3) throw error;
      continue;
    }
    await syncDirectory(dirname(to));
    if (madeFirst !== undefined) {
      for (let made = dirname(to); made.length >= madeFirst.length; made = dirname(made)) {
        await syncDirectory(dirname(made));
      }
    }
    return;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!isAbsence(error) && codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
  }
}

async function storageCall<T>(failure: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof StorageUnavailable) throw error;
    throw new StorageUnavailable(`${failure}: ${(error as Error).message}`, { cause: error });
  }
}

/** A pipeline takes a stream that is over already for an empty one. */
function assertUnread(source: Readable): void {
  if (source.errored) throw source.errored;
  if (source.destroyed || source.readableEnded) {
    throw new TypeError('the source to store was read or destroyed before');
  }
}

function assertRange(range: ByteRange | undefined): void {
  if (!range) return;
  const { start, end = start } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new RangeError(`a range has integers 0 <= start <= end, not ${start} and ${range.end}`);
  }
}

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;
const isAbsence = (error: unknown): boolean => codeOf(error) === 'ENOENT';
const isAbort = (error: unknown): boolean => (error as Error).name === 'AbortError';

function emptyIfAbsent(error: unknown): string[] {
  if (isAbsence(error)) return [];
  throw error;
}

function undefinedIfAbsent(error: unknown): undefined {
  if (isAbsence(error)) return undefined;
  throw error;
}
