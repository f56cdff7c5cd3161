export type { ByteRange, ObjectContent, ObjectStat, ObjectStore, PutOptions } from './object-store.ts';
export { assertObjectKey, objectKey } from './object-key.ts';
export { createLocalObjectStore } from './local-object-store.ts';
export {
  InvalidObjectKey,
  ObjectNotFound,
  ObjectTooLarge,
  RangeNotSatisfiable,
  StorageUnavailable,
} from './errors.ts';
