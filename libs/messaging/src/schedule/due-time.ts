/** A time, or a delay from now on. Now is what the database's clock says. */
export type When = { at: Date; afterMs?: never } | { afterMs: number; at?: never };

/** The last time that RFC 3339 can write. */
const LAST_TIME = Date.UTC(9999, 11, 31);
const LONGEST_KEY = 200;

/**
 * @returns the time in milliseconds since 1970, or the delay
 * @throws TypeError when it is neither, or both
 */
export function checkedWhen(when: When): { atMs: number } | { afterMs: number } {
  const { at, afterMs } = when;
  if ((at === undefined) === (afterMs === undefined)) {
    throw new TypeError('say either { at: new Date(…) } or { afterMs: 30_000 }');
  }
  if (afterMs !== undefined) {
    if (!Number.isFinite(afterMs) || afterMs < 0) {
      throw new TypeError(`afterMs must be a number of milliseconds from 0 on, not ${afterMs}`);
    }
    if (afterMs > LAST_TIME - Date.now()) throw new TypeError(`afterMs ${afterMs} lies beyond the year 9999`);
    return { afterMs };
  }
  // Not by instanceof: a Date may come from another realm.
  const atMs = typeof at?.getTime === 'function' ? at.getTime() : Number.NaN;
  if (Number.isNaN(atMs)) throw new TypeError(`at must be a valid Date, not ${String(at)}`);
  if (atMs > LAST_TIME) throw new TypeError(`at ${at!.toISOString()} lies beyond the year 9999`);
  return { atMs };
}

/** @throws TypeError when the key can't be one */
export function checkedKey(key: string | undefined): string | null {
  if (key === undefined) return null;
  if (typeof key === 'string' && key.length > 0 && key.length <= LONGEST_KEY && !key.includes('\0'))
    return key;
  throw new TypeError(`a key is a string of 1 to ${LONGEST_KEY} characters, as in "order:0198…:expire"`);
}
