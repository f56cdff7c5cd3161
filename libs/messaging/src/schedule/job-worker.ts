import type { DataSource } from 'typeorm';
import { isDatabaseAway } from '../database/database-errors.ts';
import type { MessagingLogger } from '../logger.ts';
import { pause, withDeadline } from '../timing.ts';
import { DueLoop } from './due-loop.ts';
import { JobBreaker } from './job-breaker.ts';
import { JobInHand } from './job-in-hand.ts';
import { LeaseLost, WorkerStopped, type JobOutcome } from './job-outcome.ts';
import type { JobStore, Slots, TakenJob } from './job-store.ts';
import { runJob } from './run-job.ts';
import type { WorkMetrics } from './work-metrics.ts';
import type { BoundWork } from './work-registry.ts';

export interface JobWorkerParts {
  dataSource: DataSource;
  store: JobStore;
  /** By the name of the job. */
  handlers: ReadonlyMap<string, BoundWork>;
  concurrency: number;
  leaseMs: number;
  pollIntervalMs: number;
  logger: MessagingLogger;
  metrics: WorkMetrics;
}

/** How long runs that were ended have for rolling back and writing that down. */
const GIVE_BACK_MS = 2_000;
const RECORD_AGAIN_MS = 1_000;
/** How long what is due is left alone that others were faster to take. */
const TAKEN_ELSEWHERE_MS = 100;

/** Takes jobs that are due and runs them, up to its concurrency. */
export class JobWorker {
  readonly #parts: JobWorkerParts;
  readonly #loop: DueLoop;
  readonly #inHand = new Set<JobInHand>();
  readonly #breakers: ReadonlyMap<string, JobBreaker>;
  readonly #stopping = new AbortController();
  #renewal: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(parts: JobWorkerParts) {
    this.#parts = parts;
    const { handlers, logger, pollIntervalMs } = parts;
    this.#breakers = new Map([...handlers.keys()].map((name) => [name, new JobBreaker(name, logger)]));
    this.#loop = new DueLoop({ what: 'jobs', pollIntervalMs, logger, work: () => this.#takeDue() });
  }

  get problem(): string | undefined {
    return this.#loop.problem;
  }

  get inHand(): number {
    return this.#inHand.size;
  }

  start(): void {
    this.#loop.start();
    this.#renewal = setInterval(() => {
      // A database that is frozen is asked once.
      this.#renewing ??= this.#renewLeases().finally(() => (this.#renewing = undefined));
    }, this.#parts.leaseMs / 3);
  }

  /** A job may have become due. */
  wake(): void {
    this.#loop.wake();
  }

  /** Takes no more, waits for what runs until the deadline, then ends it and gives it back. */
  async stop(deadlineMs: number): Promise<void> {
    // A worker whose database is frozen must not hold the stop up: what it takes in that moment is lost by its lease.
    const loopEnded = this.#loop.stop();
    await withDeadline(
      loopEnded.then(() => this.#idle()),
      deadlineMs,
    );
    this.#stopping.abort();
    for (const hand of this.#inHand) {
      hand.interrupt(new WorkerStopped(`${hand.job.name} ${hand.job.id}`));
    }
    await withDeadline(this.#idle(), GIVE_BACK_MS);
    clearInterval(this.#renewal);
    if (this.#renewing) await withDeadline(this.#renewing, GIVE_BACK_MS);
  }

  #idle(): Promise<void> {
    if (this.#inHand.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** @returns milliseconds until something may be due */
  async #takeDue(): Promise<number> {
    const { store, concurrency } = this.#parts;
    const free = concurrency - this.#inHand.size;
    const slots = free > 0 ? this.#freeSlots(free) : [];
    const { nextInMs, anyExpired } = await store.look(slots.map(({ name }) => name));
    if (anyExpired && (await this.#reap()) > 0) return 0;
    if (slots.length === 0) return Number.POSITIVE_INFINITY; // whoever ends wakes the loop
    if (nextInMs === null) return Number.POSITIVE_INFINITY;
    if (nextInMs > 0) return nextInMs;
    const taken = await store.take(slots, free);
    if (this.#stopping.signal.aborted) {
      // The statement was under way for longer than the deadline of the stop.
      await Promise.all(taken.map((job) => store.record(job, { kind: 'given-back' })));
      return 0;
    }
    for (const job of taken) void this.#run(job);
    return taken.length > 0 ? 0 : TAKEN_ELSEWHERE_MS;
  }

  /** @returns how many jobs were taken from workers that are gone; a run in a transaction may go on beyond its lease. */
  async #reap(): Promise<number> {
    const { store, logger } = this.#parts;
    const reaped = await store.reap();
    for (const { id, name, state, lastError } of reaped) {
      const what = `job ${name} ${id}: ${lastError}`;
      if (state === 'failed') logger.error(`${what}; it has failed`);
      else logger.warn(`${what}; it is run again`);
    }
    return reaped.length;
  }

  #freeSlots(free: number): Slots[] {
    const running = new Map<string, number>();
    for (const { job } of this.#inHand) running.set(job.name, (running.get(job.name) ?? 0) + 1);
    return [...this.#parts.handlers].flatMap(([name, { description }]) => {
      const own = running.get(name) ?? 0;
      const limit = Math.min(free, (description.concurrency ?? Number.POSITIVE_INFINITY) - own);
      const allowed = this.#breakers.get(name)!.allowance(limit, own);
      return allowed > 0 ? [{ name, free: allowed }] : [];
    });
  }

  async #run(job: TakenJob): Promise<void> {
    const { dataSource, handlers, metrics } = this.#parts;
    const hand = new JobInHand(job);
    this.#inHand.add(hand);
    const started = performance.now();
    const outcome = await runJob(dataSource, handlers.get(job.name)!, hand);
    const breaker = this.#breakers.get(job.name)!;
    if (outcome.kind === 'done') breaker.succeeded();
    if (outcome.kind === 'postponed') breaker.failed(outcome.error);
    await this.#record(job, outcome);
    metrics.ended(job.name, outcome.kind, (performance.now() - started) / 1_000);
    this.#inHand.delete(hand);
    if (this.#inHand.size === 0) this.#whenIdle?.();
    this.#loop.wake();
  }

  /** Tries until it is written down, as long as nobody can have taken the job: nothing can be done without a database. */
  async #record(job: TakenJob, outcome: JobOutcome): Promise<void> {
    const { store, logger } = this.#parts;
    const what = `job ${job.name} ${job.id}`;
    if (outcome.kind === 'done') {
      const { lateError } = outcome;
      if (lateError) logger.warn(`${what} is done, and failed after that: ${lateError.message}`);
      return;
    }
    for (;;) {
      try {
        const written = await store.record(job, outcome);
        this.#log(what, job, outcome, written);
        return;
      } catch (error) {
        const { message, stack } = error as Error;
        if (!isDatabaseAway(error) || this.#stopping.signal.aborted) {
          logger.error(
            `${what}: what became of it could not be written, its lease will run out: ${message}`,
            stack,
          );
          return;
        }
        logger.warn(`${what}: what became of it could not be written, trying again: ${message}`);
        await pause(RECORD_AGAIN_MS, this.#stopping.signal);
      }
    }
  }

  #log(what: string, { attempt, attempts }: TakenJob, outcome: JobOutcome, written: boolean): void {
    const { logger } = this.#parts;
    switch (outcome.kind) {
      case 'done':
        return;
      case 'lost':
        return logger.warn(`${what} is not ours any more: ${outcome.error.message}`);
      case 'given-back':
        return logger.log(`${what} is given back`);
      case 'retry':
      case 'postponed': {
        if (!written)
          return logger.warn(`${what} was done or taken when it failed: ${outcome.error.message}`);
        const tries =
          outcome.kind === 'retry' ? `failed (attempt ${attempt} of ${attempts})` : 'is postponed';
        return logger.warn(`${what} ${tries} and waits ${outcome.delayMs} ms: ${outcome.error.message}`);
      }
      case 'failed':
        return logger.error(
          `${what} has failed (attempt ${attempt} of ${attempts}): ${outcome.error.message}`,
          outcome.error.stack,
        );
    }
  }

  async #renewLeases(): Promise<void> {
    const { store, logger } = this.#parts;
    const hands = [...this.#inHand].filter(({ completed }) => !completed);
    if (hands.length === 0) return;
    try {
      const ours = await store.renew(hands.map(({ job }) => job));
      for (const hand of hands) {
        const { job } = hand;
        // What ended meanwhile is not lost.
        if (!ours.has(job.id) && this.#inHand.has(hand) && !hand.completed)
          hand.interrupt(new LeaseLost(`${job.name} ${job.id}`));
      }
    } catch (error) {
      // While the database is away nobody else can take the jobs; when it is back the next try decides.
      logger.warn(`leases of ${hands.length} jobs could not be renewed: ${(error as Error).message}`);
    }
  }
}
