import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseAway } from '@warren/messaging';
import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../configuration/config.ts';
import type { BootLog } from './boot-log.ts';

export interface WaitOptions {
  service: string;
  log: BootLog;
  /** Ends the wait, with the signal's reason as the error. */
  signal?: AbortSignal;
  /** Called once, when the first attempt has failed. */
  onAway?: () => void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * What PostgreSQL says when the address is wrong rather than the server away: no such database (3D000), no such role or a
 * wrong password (28000, 28P01). Waiting doesn't mend these.
 */
const WRONG_ADDRESS = new Set(['3D000', '28000', '28P01']);

/**
 * Opens the data source, and goes on trying, visibly, while the database is away.
 *
 * @throws ConfigurationError when the server refuses the database, role or password that WARREN_DATABASE_URL names.
 */
export async function waitForDatabase(
  dataSource: DataSource,
  { service, log, signal, onAway }: WaitOptions,
): Promise<void> {
  for (
    let pause = FIRST_PAUSE_MS, first = true;
    ;
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS), first = false
  ) {
    signal?.throwIfAborted();
    try {
      await dataSource.initialize();
      if (!first) log.log('the database answers');
      return;
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      if (code !== undefined && WRONG_ADDRESS.has(code)) {
        throw new ConfigurationError(service, [
          { variable: 'WARREN_DATABASE_URL', problem: `is refused: ${message}` },
        ]);
      }
      if (!isDatabaseAway(error)) throw error;
      log.warn(`the database is away (${message || code}); trying again in ${pause} ms`);
      if (first) onAway?.();
    }
    await sleep(pause, undefined, signal && { signal });
  }
}
