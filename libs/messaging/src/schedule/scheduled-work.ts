import { hostname } from 'node:os';
import type { MessageHandler } from '@nestjs/microservices';
import type { DataSource } from 'typeorm';
import { MiswiredService } from '../errors.ts';
import type { MessagingLogger } from '../logger.ts';
import type { WorkStatus } from '../messaging-status.ts';
import { withDeadline } from '../timing.ts';
import type { Topology } from '../topology.ts';
import { positiveInteger } from './define-job.ts';
import { DueMessages } from './due-messages.ts';
import { JobMaintenance } from './job-maintenance.ts';
import { JobStore } from './job-store.ts';
import { JobWorker } from './job-worker.ts';
import { Jobs } from './jobs.ts';
import { RecurringJobs } from './recurring-jobs.ts';
import { RecurringScheduler } from './recurring-scheduler.ts';
import { RecurringStore } from './recurring-store.ts';
import { Schedule } from './schedule.ts';
import { WorkMetrics } from './work-metrics.ts';
import { bindWork, type BoundWork } from './work-registry.ts';

export interface ScheduledWorkOptions {
  /** Jobs that one process runs at the same time. Each in a transaction needs a connection. Default 8. */
  concurrency?: number;
  /**
   * How long a worker may not be heard of before its jobs are given to another. Renewed three times as often.
   * Milliseconds, default 30,000, at least 300.
   */
  leaseMs?: number;
  /** How long jobs are kept that are done. Milliseconds, default 7 days. */
  retentionMs?: number;
  /** How often it is looked for what other replicas have written. Milliseconds, default 1,000, which is the most. */
  pollIntervalMs?: number;
}

export interface ScheduledWorkParts {
  dataSource: DataSource;
  topology: Topology;
  schemaBaseUrl: string;
  logger: MessagingLogger;
  /** Called when something new stands in the outbox. */
  onOutboxFilled(): void;
  options: ScheduledWorkOptions | undefined;
}

const DAY_MS = 86_400_000;
/** Scheduled is exact to a second. */
const LONGEST_POLL_MS = 1_000;
const SHORTEST_LEASE_MS = 300;

/** Scheduled messages, background jobs and recurring jobs of one process, put together. */
export class ScheduledWork {
  readonly schedule: Schedule;
  readonly jobs: Jobs;
  readonly recurring: RecurringJobs;
  readonly #parts: ScheduledWorkParts;
  readonly #options: Required<ScheduledWorkOptions>;
  readonly #dueMessages: DueMessages;
  #handlers: ReadonlyMap<string, BoundWork> = new Map();
  #worker: JobWorker | undefined;
  #scheduler: RecurringScheduler | undefined;
  #maintenance: JobMaintenance | undefined;

  /** @throws MiswiredService when the options can't work */
  constructor(parts: ScheduledWorkParts) {
    const { dataSource, topology, schemaBaseUrl, logger } = parts;
    this.#parts = parts;
    this.#options = checked(parts.options ?? {});
    this.#dueMessages = new DueMessages(
      dataSource,
      logger,
      this.#options.pollIntervalMs,
      parts.onOutboxFilled,
    );
    this.schedule = new Schedule(dataSource, topology, schemaBaseUrl, () => this.#dueMessages.wake());
    this.jobs = new Jobs(dataSource, () => this.#worker?.wake());
    this.recurring = new RecurringJobs(dataSource, () => {
      this.#worker?.wake();
      this.#scheduler?.wake();
    });
  }

  /**
   * Takes the handlers that were found.
   *
   * @throws MiswiredService when two of them claim one job
   */
  bind(found: ReadonlyMap<string, MessageHandler>): void {
    this.#handlers = bindWork(this.#parts.topology.service, found);
    this.jobs.handledHere(new Set(this.#handlers.keys()));
  }

  /** Starts to do what is due. */
  start(): void {
    const { dataSource, logger } = this.#parts;
    const { concurrency, leaseMs, retentionMs, pollIntervalMs } = this.#options;
    const handlers = this.#handlers;
    this.#dueMessages.start();
    this.#maintenance = new JobMaintenance(dataSource, [...handlers.keys()], retentionMs, logger);
    this.#maintenance.start();
    if (handlers.size === 0) return;
    this.#worker = new JobWorker({
      dataSource,
      store: new JobStore(dataSource, `${hostname()}:${process.pid}`, leaseMs),
      handlers,
      concurrency,
      leaseMs,
      pollIntervalMs,
      logger,
      metrics: new WorkMetrics(),
    });
    this.#worker.start();
    const recurring = [...handlers.values()]
      .map(({ description }) => description)
      .filter((description) => description.recurring);
    if (recurring.length === 0) return;
    const wake = () => this.#worker?.wake();
    const store = new RecurringStore(dataSource);
    this.#scheduler = new RecurringScheduler(store, recurring, logger, pollIntervalMs, wake);
    this.#scheduler.start();
  }

  /** Takes no more jobs, waits for those that run until the deadline, and gives back what is left. */
  async stop(deadlineMs: number): Promise<void> {
    await Promise.all([
      this.#worker?.stop(deadlineMs),
      // Each ends after the statement in hand, which may hang as long as the database does.
      withDeadline(
        Promise.all([this.#dueMessages.stop(), this.#scheduler?.stop(), this.#maintenance?.stop()]),
        deadlineMs,
      ),
    ]);
  }

  status(): WorkStatus {
    const problem = this.#worker?.problem ?? this.#dueMessages.problem ?? this.#scheduler?.problem;
    return { running: this.#worker?.inHand ?? 0, ...(problem !== undefined && { problem }) };
  }
}

function checked(options: ScheduledWorkOptions): Required<ScheduledWorkOptions> {
  const {
    concurrency = 8,
    leaseMs = 30_000,
    retentionMs = 7 * DAY_MS,
    pollIntervalMs = LONGEST_POLL_MS,
  } = options;
  positiveInteger('work.concurrency', concurrency);
  positiveInteger('work.pollIntervalMs', pollIntervalMs);
  if (pollIntervalMs > LONGEST_POLL_MS) {
    throw new MiswiredService(
      `work.pollIntervalMs must be at most ${LONGEST_POLL_MS}, not ${pollIntervalMs}`,
    );
  }
  if (!(leaseMs >= SHORTEST_LEASE_MS)) {
    throw new MiswiredService(`work.leaseMs must be at least ${SHORTEST_LEASE_MS}, not ${leaseMs}`);
  }
  if (!(retentionMs >= 0))
    throw new MiswiredService(`work.retentionMs must be a number from 0 on, not ${retentionMs}`);
  return { concurrency, leaseMs, retentionMs, pollIntervalMs };
}
