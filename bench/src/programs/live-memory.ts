import { setTimeout as delay } from 'node:timers/promises';

const SAMPLES = 12;
const INTERVAL_MS = 200;

/**
 * The most memory that was in use at any of a dozen moments, in MiB: heap and buffers after everything that is
 * garbage was collected, so that what is left is what the process holds on to.
 */
export async function liveMemory(): Promise<number> {
  let most = 0;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    await delay(INTERVAL_MS);
    globalThis.gc!();
    const { heapUsed, external } = process.memoryUsage();
    most = Math.max(most, heapUsed + external);
  }
  return most / 2 ** 20;
}
