import type { MessagingLogger } from '../logger.ts';
import { CronExpression } from './cron-expression.ts';
import { DueLoop } from './due-loop.ts';
import type { WorkDescription } from './handle-job.ts';
import { nextAfter, type DueRecurring, type RecurringStore } from './recurring-store.ts';

/** A run that nobody could begin within this time was missed. */
const MISSED_AFTER_MS = 60_000;
/** How often a replica says that it declares them still. */
const DECLARE_EVERY_MS = 3_600_000;

/** Enqueues the recurring jobs of a service at their times, one replica for each. */
export class RecurringScheduler {
  readonly #store: RecurringStore;
  readonly #descriptions: readonly WorkDescription[];
  readonly #names: readonly string[];
  readonly #logger: MessagingLogger;
  readonly #onEnqueued: () => void;
  readonly #loop: DueLoop;
  #declaredAt: number | undefined;

  constructor(
    store: RecurringStore,
    descriptions: readonly WorkDescription[],
    logger: MessagingLogger,
    pollIntervalMs: number,
    onEnqueued: () => void,
  ) {
    this.#store = store;
    this.#descriptions = descriptions;
    this.#names = descriptions.map(({ name }) => name);
    this.#logger = logger;
    this.#onEnqueued = onEnqueued;
    this.#loop = new DueLoop({ what: 'recurring jobs', pollIntervalMs, logger, work: () => this.#fireDue() });
  }

  get problem(): string | undefined {
    return this.#loop.problem;
  }

  start(): void {
    this.#loop.start();
  }

  /** The next time of one of them was changed. */
  wake(): void {
    this.#loop.wake();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #fireDue(): Promise<number> {
    await this.#declare();
    const due = await this.#store.due(this.#names);
    for (const recurring of due) await this.#decide(recurring);
    return (await this.#store.nextInMs(this.#names)) ?? Number.POSITIVE_INFINITY;
  }

  async #declare(): Promise<void> {
    const since = this.#declaredAt === undefined ? undefined : performance.now() - this.#declaredAt;
    if (since !== undefined && since < DECLARE_EVERY_MS) return;
    const known = since !== undefined && (await this.#store.stillDeclare(this.#names));
    if (!known) await this.#store.declare(this.#descriptions);
    this.#declaredAt = performance.now();
  }

  async #decide(recurring: DueRecurring): Promise<void> {
    const { name, cron, timeZone, scheduledFor, now } = recurring;
    // What stands in the database counts, which may be of a newer version of the service than this replica.
    const next = nextAfter(new CronExpression(cron, timeZone, now), now, scheduledFor);
    const late = `recurring job ${name}: its time of ${scheduledFor.toISOString()}`;
    if (recurring.missed === 'skip' && recurring.lateMs > MISSED_AFTER_MS) {
      if (await this.#store.skip(recurring, next, 'missed'))
        this.#logger.warn(`${late} was missed and is skipped`);
    } else if (recurring.overlap === 'skip' && recurring.busy) {
      if (await this.#store.skip(recurring, next, 'overlap')) {
        this.#logger.warn(`${late} is skipped, because the run before it has not ended`);
      }
    } else if (await this.#store.fire(recurring, next)) {
      this.#onEnqueued();
    }
  }
}
