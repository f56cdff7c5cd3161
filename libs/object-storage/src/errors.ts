import type { ByteRange } from './object-store.ts';

/** No object has this key. */
export class ObjectNotFound extends Error {
  override readonly name = 'ObjectNotFound';
  readonly key: string;

  constructor(key: string, options?: ErrorOptions) {
    super(`there is no object ${key}`, options);
    this.key = key;
  }
}

/** The source has more bytes than `maxBytes` allowed. */
export class ObjectTooLarge extends Error {
  override readonly name = 'ObjectTooLarge';
  readonly key: string;
  readonly maxBytes: number;

  constructor(key: string, maxBytes: number) {
    super(`object ${key} has more than the ${maxBytes} bytes that are allowed`);
    this.key = key;
    this.maxBytes = maxBytes;
  }
}

/** The range starts at or after the end of the object: HTTP's 416. */
export class RangeNotSatisfiable extends Error {
  override readonly name = 'RangeNotSatisfiable';
  readonly key: string;
  /** Size of the whole object in bytes. */
  readonly size: number;

  constructor(key: string, range: ByteRange, size: number) {
    super(`object ${key} has ${size} bytes: none at ${range.start} or after`);
    this.key = key;
    this.size = size;
  }
}

/** Something else than `files/<uuid>/<name>` was given as a key. */
export class InvalidObjectKey extends Error {
  override readonly name = 'InvalidObjectKey';

  constructor(key: string) {
    super(
      `${JSON.stringify(key)} is not an object key: files/<uuid>/<name> with a name of 1 to 64 characters ` +
        'of a-z, 0-9, "." and "-" that starts with a letter or digit',
    );
  }
}

/** The storage itself fails: it is away, full, or broken. The same call may succeed later. */
export class StorageUnavailable extends Error {
  override readonly name = 'StorageUnavailable';
  /** The system's error code where there is one, for example ENOSPC. */
  readonly code: string | undefined;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = systemCode(options?.cause);
  }
}

function systemCode(cause: unknown): string | undefined {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
