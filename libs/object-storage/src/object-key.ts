import { InvalidObjectKey } from './errors.ts';

const KEY_PATTERN = /^files\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/[a-z0-9][a-z0-9.-]{0,63}$/;

/**
 * The key of one object of a file: its `content`, or a derivative such as `thumbnail.webp`.
 * The name is ours, never the one that a user gave.
 *
 * @throws InvalidObjectKey
 */
export function objectKey(fileId: string, name: string): string {
  const key = `files/${fileId}/${name}`;
  assertObjectKey(key);
  return key;
}

/**
 * Checks that `key` is `files/<uuid>/<name>`. What passes is safe as a relative path: it has no `..`, no empty
 * and no hidden part, and no letter whose case a file system could fold.
 *
 * @throws InvalidObjectKey
 */
export function assertObjectKey(key: string): void {
  if (!KEY_PATTERN.test(key)) throw new InvalidObjectKey(key);
}
