import type { Readable } from 'node:stream';

export interface PutOptions {
  /** Largest size in bytes that is taken. Default: no limit. */
  maxBytes?: number;
  /** Gives the upload up when it aborts; `put` then throws the signal's reason. */
  signal?: AbortSignal;
}

/** Bytes of an object, both ends inclusive and counted from 0, as in HTTP's `Range: bytes=start-end`. */
export interface ByteRange {
  start: number;
  /** Default: the last byte. An end beyond the object means its last byte. */
  end?: number;
}

export interface ObjectContent {
  /** The bytes asked for. Read it to its end or destroy it: it holds a file or a connection open. */
  stream: Readable;
  /** Size of the whole object in bytes, also when only a range of it was asked for. */
  size: number;
}

export interface ObjectStat {
  /** In bytes. */
  size: number;
  modifiedAt: Date;
}

/**
 * Where the bytes of files live. Every key has the form `files/<uuid>/<name>`: see {@link assertObjectKey}.
 *
 * All methods throw InvalidObjectKey for any other key, and StorageUnavailable when the storage itself fails,
 * so that "there is no such object" can never be mistaken for "the disk is away".
 */
export interface ObjectStore {
  /**
   * Stores all of `source` under `key`, in place of what was there. Others see the old object or the new one,
   * never a part of it, and the new one only once it would survive a power cut.
   *
   * When it throws, nothing of the new object is left, the old one is as it was, and `source` is destroyed.
   *
   * @throws ObjectTooLarge when `source` has more than `maxBytes`.
   * @throws whatever `source` failed with, or the reason of `signal`.
   */
  put(key: string, source: Readable, options?: PutOptions): Promise<{ size: number }>;

  /**
   * @throws ObjectNotFound
   * @throws RangeNotSatisfiable when `range` starts at or after the end of the object.
   */
  get(key: string, range?: ByteRange): Promise<ObjectContent>;

  /**
   * Lends the object as a file, to libraries that want a path because they seek. It may be the stored file
   * itself: read it only, and only until `use` settles.
   *
   * @throws ObjectNotFound
   * @throws whatever `use` throws
   */
  withFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T>;

  /** @throws ObjectNotFound */
  stat(key: string): Promise<ObjectStat>;

  /** Removes an object. That there is none is no error. */
  delete(key: string): Promise<void>;

  /**
   * Removes what uploads left behind whose process died, if nothing was written to it for `olderThanMs`
   * milliseconds. Choose more than the longest pause that a living upload may make.
   *
   * @returns how many were removed.
   */
  sweepUnfinished(olderThanMs: number): Promise<number>;
}
