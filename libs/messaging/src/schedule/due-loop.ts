import { isDatabaseAway } from '../database/database-errors.ts';
import type { MessagingLogger } from '../logger.ts';

export interface DueLoopOptions {
  /** What the loop does, for the log: `the jobs`. */
  what: string;
  /**
   * Does what is due.
   *
   * @returns milliseconds until something is due again, as far as is known; 0 for at once
   */
  work(): Promise<number>;
  /** How long it sleeps at most, in milliseconds. */
  pollIntervalMs: number;
  logger: MessagingLogger;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Looks again and again for what is due: at the time at which the next thing will be, when it is woken, and from
 * time to time in any case, for what another replica has written. Goes on through every failure, more slowly.
 *
 * Sleeping goes by the monotonic clock and being due by the database's, so the clock of this machine may jump.
 */
export class DueLoop {
  readonly #options: DueLoopOptions;
  #running: Promise<void> | undefined;
  #stopped = false;
  #wakeRequested = false;
  #wakeSleeper: (() => void) | undefined;
  #failures = 0;
  #problem: string | undefined;

  constructor(options: DueLoopOptions) {
    this.#options = options;
  }

  /** Why it can't look at the moment. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something may be due: look at once. */
  wake(): void {
    this.#wakeRequested = true;
    this.#wakeSleeper?.();
  }

  /** Ends after what it does at the moment. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wakeSleeper?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#wakeRequested = false;
      const pause = await this.#look();
      if (!this.#stopped && !this.#wakeRequested && pause > 0) await this.#sleep(pause);
    }
  }

  /** @returns how long to sleep */
  async #look(): Promise<number> {
    const { what, logger, work, pollIntervalMs } = this.#options;
    try {
      const pause = await work();
      if (this.#failures > 0) logger.log(`${what} are looked after again`);
      this.#failures = 0;
      this.#problem = undefined;
      return Math.min(pause, pollIntervalMs);
    } catch (error) {
      const { message, stack } = error as Error;
      if (this.#failures === 0) {
        const line = `${what} can't be looked after, trying again: ${message}`;
        if (isDatabaseAway(error)) logger.warn(line);
        else logger.error(line, stack);
      }
      this.#problem = message;
      const longer = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
      this.#failures += 1;
      this.#wakeRequested = false; // being woken does not mend it
      return longer;
    }
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakeSleeper = undefined;
        resolve();
      };
      // Rounded up, or it would wake a moment before anything is due.
      const timer = setTimeout(done, Math.ceil(ms));
      this.#wakeSleeper = done;
    });
  }
}
