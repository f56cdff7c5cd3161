import type { TakenJob } from './job-store.ts';

/** A job while it runs here: what the worker knows of the run, and how it ends it before its time. */
export class JobInHand {
  readonly job: TakenJob;
  /** Whether its effect is committed. */
  completed = false;
  readonly #abort = new AbortController();
  readonly #interrupted: Promise<never>;
  #reject!: (error: Error) => void;

  constructor(job: TakenJob) {
    this.job = job;
    this.#interrupted = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Nobody may be racing at the moment; who races next is told all the same.
    this.#interrupted.catch(() => undefined);
  }

  /** Tells the handler that going on is in vain. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What ended the run before its time, if anything did. */
  get interruption(): Error | undefined {
    return this.#abort.signal.aborted ? (this.#abort.signal.reason as Error) : undefined;
  }

  /** Ends the run: whoever waits for the handler waits no longer. The first error counts. */
  interrupt(error: Error): void {
    if (this.#abort.signal.aborted) return;
    this.#reject(error);
    this.#abort.abort(error);
  }

  /** Resolves as `work` does, or rejects when the run is interrupted before. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#interrupted]);
  }
}
