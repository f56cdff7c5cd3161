import type { MessagingLogger } from '../logger.ts';
import type { Outcome } from './outcome.ts';

export interface BreakerOptions {
  /** Failures in a row that open it. Default 3. */
  threshold?: number;
  /** First pause before a probe; it doubles up to the longest. Milliseconds, default 500. */
  firstPauseMs?: number;
  /** Milliseconds, default 10,000. */
  longestPauseMs?: number;
}

/** How long a message is kept in hand while the breaker is open: well within the broker's 30 minutes. */
const LONGEST_IN_HAND_MS = 5 * 60_000;

/**
 * Keeps a consumer from working through its queue in vain while something that it needs is away. Closed, everybody
 * passes. Open, everybody waits; after a pause one message is let through as a probe, and what becomes of it
 * decides for all.
 *
 * Source: Michael T. Nygard, "Release It!", chapter Circuit Breaker.
 */
export class Breaker {
  readonly #threshold: number;
  readonly #firstPauseMs: number;
  readonly #longestPauseMs: number;
  readonly #name: string;
  readonly #logger: MessagingLogger;
  readonly #waiting: ((pass: boolean) => void)[] = [];
  #failures = 0;
  #pauseMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #probeFree = false;
  #stopped = false;

  constructor(name: string, logger: MessagingLogger, options: BreakerOptions = {}) {
    this.#name = name;
    this.#logger = logger;
    this.#threshold = options.threshold ?? 3;
    this.#firstPauseMs = options.firstPauseMs ?? 500;
    this.#longestPauseMs = options.longestPauseMs ?? 10_000;
  }

  get open(): boolean {
    return this.#pauseMs > 0;
  }

  /**
   * Resolves when the caller may try; false when the breaker was stopped instead. Whoever was let through tells
   * what came of it, by exactly one call of `succeeded`, `failed` or `untried`.
   */
  pass(): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    if (!this.open) return Promise.resolve(true);
    if (this.#probeFree) {
      this.#probeFree = false;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  succeeded(): void {
    this.#failures = 0;
    if (!this.open) return;
    this.#logger.log(`${this.#name}: works again`);
    this.#pauseMs = 0;
    this.#probeFree = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve(true);
  }

  /** @returns whether the breaker is open now, so that the message had better be kept and tried again */
  failed(error: Error): boolean {
    this.#failures += 1;
    if (this.#failures < this.#threshold) return false;
    // What was under way when it opened tells nothing new; only a probe does.
    if (this.#timer) return true;
    if (!this.open) this.#logger.warn(`${this.#name}: pauses and probes, because ${error.message}`);
    this.#pauseMs = Math.min(this.open ? this.#pauseMs * 2 : this.#firstPauseMs, this.#longestPauseMs);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#letProbe();
    }, this.#pauseMs);
    return true;
  }

  /** What was let through never got as far as the dependency: the next one may probe instead. */
  untried(): void {
    if (this.open && !this.#timer) this.#letProbe();
  }

  #letProbe(): void {
    const probe = this.#waiting.shift();
    if (probe) probe(true);
    else this.#probeFree = true;
  }

  /**
   * Tries `attempt` until it has an outcome that is not for want of a dependency, keeping the message in hand while
   * the breaker is open.
   *
   * @param live whether it is still worth it
   * @returns undefined when it is not, or the breaker was stopped; an `unavailable` outcome when the breaker is
   *   closed, or the message was in hand for too long
   */
  async run(live: () => boolean, attempt: () => Promise<Outcome>): Promise<Outcome | undefined> {
    const giveUpAt = Date.now() + LONGEST_IN_HAND_MS;
    for (;;) {
      if (!(await this.pass())) return undefined;
      if (!live()) {
        this.untried();
        return undefined;
      }
      const outcome = await attempt();
      if (outcome.kind !== 'unavailable') {
        // Only a success shows that everything that is needed is there; other failures say nothing of it.
        if (outcome.kind === 'done') this.succeeded();
        else this.untried();
        return outcome;
      }
      if (!this.failed(outcome.error) || Date.now() > giveUpAt) return outcome;
    }
  }

  /** Turns everybody who waits away. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const resolve of this.#waiting.splice(0)) resolve(false);
  }
}
