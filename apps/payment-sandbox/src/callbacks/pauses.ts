const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;
const JITTER = 0.25;

/** How long outcomes are told to somebody who does not take them: 3 days. */
export const PATIENCE_MS = 3 * 86_400_000;

/**
 * The pause after an attempt: a second, then twice as long each time up to five minutes, and up to a quarter more, so
 * that what failed together does not come back together.
 *
 * @param attempts made so far
 * @returns in milliseconds
 */
export function pauseAfter(attempts: number): number {
  return Math.min(FIRST_MS * 2 ** (attempts - 1), LONGEST_MS) * (1 + JITTER * Math.random());
}
