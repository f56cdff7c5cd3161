import { eventually } from '@warren/testing';

/** What a test waited for did not come. The message says what came instead. */
export class WaitTimedOut extends Error {
  override readonly name = 'WaitTimedOut';
}

export interface WaitOptions {
  /** How long to wait. Milliseconds, default 15,000: room for a slow machine, not an expectation. */
  timeoutMs?: number;
}

export const DEFAULT_TIMEOUT_MS = 15_000;

/**
 * Waits until `look` finds something.
 *
 * @param situation tells, when it is too late, what is there instead
 * @throws WaitTimedOut
 */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: WaitOptions,
  situation: () => Promise<string>,
): Promise<T> {
  const nothingYet = new Error('nothing yet');
  try {
    return await eventually(
      () => {
        const found = look();
        if (found === undefined) throw nothingYet;
        return found;
      },
      { timeoutMs },
    );
  } catch (error) {
    const threw =
      error === nothingYet
        ? ''
        : `\nthe condition itself threw: ${String((error as Error).message ?? error)}`;
    throw new WaitTimedOut(`waited ${timeoutMs / 1000} s for ${what}${threw}\n${await situation()}`, {
      cause: error === nothingYet ? undefined : error,
    });
  }
}

/** `order.placed.v1 ×2, email.sent.v1 ×1`, or `nothing`. */
export function tally(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} ×${count}`).join(', ') || 'nothing';
}
