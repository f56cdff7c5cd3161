import type { MessagingLogger } from '../logger.ts';

/** Jobs of a name that fail in a row for want of a dependency, before the name pauses. */
const THRESHOLD = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Keeps a worker from running through the jobs of one name in vain while something that they need is away: after a
 * pause one job is run as a probe, and what becomes of it decides for the others. They stay in the database
 * meanwhile, for workers that fare better.
 */
export class JobBreaker {
  readonly #name: string;
  readonly #logger: MessagingLogger;
  readonly #now: () => number;
  #failures = 0;
  #pauseMs = 0;
  #probeAt = 0;

  /** @param now milliseconds of a monotonic clock */
  constructor(name: string, logger: MessagingLogger, now: () => number = () => performance.now()) {
    this.#name = name;
    this.#logger = logger;
    this.#now = now;
  }

  get open(): boolean {
    return this.#pauseMs > 0;
  }

  /** How many more may be begun, when `free` could be and `running` are. */
  allowance(free: number, running: number): number {
    if (!this.open) return free;
    return running === 0 && this.#now() >= this.#probeAt ? Math.min(free, 1) : 0;
  }

  /** Milliseconds until a probe may be begun; undefined when nothing is in the way. */
  get probeInMs(): number | undefined {
    return this.open ? Math.max(0, this.#probeAt - this.#now()) : undefined;
  }

  succeeded(): void {
    if (this.open) this.#logger.log(`jobs ${this.#name}: work again`);
    this.#failures = 0;
    this.#pauseMs = 0;
  }

  failed(error: Error): void {
    this.#failures += 1;
    if (this.#failures < THRESHOLD) return;
    if (!this.open) this.#logger.warn(`jobs ${this.#name}: pause and probe, because ${error.message}`);
    // What was under way when it opened tells nothing new; only a probe does.
    else if (this.#now() < this.#probeAt) return;
    this.#pauseMs = Math.min(this.open ? this.#pauseMs * 2 : FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    this.#probeAt = this.#now() + this.#pauseMs;
  }
}
