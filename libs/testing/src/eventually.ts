import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** How long to go on trying, in milliseconds. Default 15,000: room for a slow machine, not an expectation. */
  timeoutMs?: number;
  /** Pause between two tries, in milliseconds. Default 25. */
  intervalMs?: number;
}

/**
 * Calls `attempt` until it neither throws nor rejects, and returns what it returned.
 *
 * @throws the error of the last try, with the time that was waited added to its message.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 15_000, intervalMs = 25 }: EventuallyOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= deadline) {
        if (error instanceof Error) error.message += `\n(still so after ${timeoutMs} ms)`;
        throw error;
      }
    }
    await sleep(intervalMs);
  }
}
