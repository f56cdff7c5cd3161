import { v7 as uuidv7 } from 'uuid';
import type { ConfirmPublisher, OutgoingMessage } from '../broker/confirm-publisher.ts';
import { ExchangeUnusable } from '../errors.ts';
import type { MessagingLogger } from '../logger.ts';
import { pause, withDeadline } from '../timing.ts';
import type { BrokerAccess } from './broker-access.ts';
import { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queues.ts';
import { matchesLetter, type DeadLetterFilter } from './filter.ts';
import { ReadingInterrupted } from './queue-counts.ts';
import type { QueueWalk } from './queue-walk.ts';
import { Pace } from './ramp.ts';
import { RampGuard } from './ramp-guard.ts';
import {
  RedriveImpossible,
  RedriveStopped,
  type QueueRedriveReport,
  type RedriveOptions,
  type RedriveReport,
} from './redrive-options.ts';
import { redriveMessage } from './redrive-message.ts';
import { LONGEST_WALK_MS, walkThrough } from './walk-through.ts';

/** Publishes that wait for their confirm at the same time. */
const MOST_IN_FLIGHT = 100;
/** A message is tried again for so long while the broker refuses it or is away. */
const PUBLISH_FOR_MS = 60_000;
/** With a ramp, whether messages failed again is looked at so often, also in the middle of a batch. */
const LOOK_AFTER_MS = 15_000;
/** What is in flight when a stop was asked for gets so long to be confirmed. */
const FLUSH_MS = 5_000;

/** One redrive: an id, a filter, and what has come of it so far. */
export class Redrive {
  readonly #broker: BrokerAccess;
  readonly #filter: DeadLetterFilter;
  readonly #options: RedriveOptions;
  readonly #logger: MessagingLogger;
  readonly #id = uuidv7();
  readonly #startedAt = Date.now();
  readonly #pace: Pace;
  readonly #inFlight = new Set<Promise<void>>();
  #problem: unknown;
  #left: number;

  constructor(
    broker: BrokerAccess,
    filter: DeadLetterFilter,
    options: RedriveOptions,
    logger: MessagingLogger,
  ) {
    this.#broker = broker;
    this.#filter = filter;
    this.#options = options;
    this.#logger = logger;
    this.#pace = new Pace(options.perSecond ?? Infinity);
    this.#left = options.limit ?? Infinity;
  }

  /** Queue by queue, until all is sent or it stops. */
  async run(queues: readonly DeadLetterQueue[]): Promise<RedriveReport> {
    const report: RedriveReport = { redrive: this.#id, queues: [] };
    for (const queue of queues) {
      const own: QueueRedriveReport = {
        queue: queue.queue,
        redriven: 0,
        failedAgain: 0,
        tooOld: 0,
        misplaced: 0,
      };
      report.queues.push(own);
      try {
        await this.#redriveQueue(queue, own);
      } catch (error) {
        if (error instanceof RedriveImpossible) {
          own.problem = error.message; // of this queue alone
          continue;
        }
        if (!(error instanceof RedriveStopped)) throw error;
        report.stopped = { queue: queue.queue, reason: error.reason, message: error.message };
        break;
      }
    }
    return report;
  }

  async #redriveQueue(queue: DeadLetterQueue, report: QueueRedriveReport): Promise<void> {
    const { signal, onProgress, ramp = true } = this.#options;
    const guard: RampGuard | undefined = ramp
      ? new RampGuard(this.#broker, queue, this.#id, this.#options, () =>
          onProgress?.({ ...report, phase: 'settling', batch: guard!.batch }),
        )
      : undefined;
    try {
      for (;;) {
        const { isEnd, remaining } = await walkThrough(this.#broker, queue.name, {
          signal,
          logger: this.#logger,
          pass: (walk) => this.#walk(walk, queue, report, guard),
        });
        await guard?.afterWalk(remaining, isEnd);
        if (isEnd) return;
      }
    } finally {
      report.failedAgain = guard?.failedAgain ?? 0;
    }
  }

  async #walk(
    walk: QueueWalk,
    queue: DeadLetterQueue,
    report: QueueRedriveReport,
    guard: RampGuard | undefined,
  ): Promise<{ isEnd: boolean; remaining: number }> {
    this.#problem = undefined;
    report.tooOld = 0; // of this walk: those of the one before are seen again
    report.misplaced = 0;
    try {
      const isEnd = await this.#sendFrom(walk, queue, report, guard);
      await this.#flush();
      return { isEnd, remaining: walk.remaining };
    } finally {
      // Whatever ended it: what is confirmed by now is taken out of the dead-letter queue.
      const isHurried = this.#options.signal?.aborted === true;
      await Promise.allSettled([withDeadline(this.#flush(), isHurried ? FLUSH_MS : PUBLISH_FOR_MS)]);
    }
  }

  /** @returns false when it is to go on in another walk */
  async #sendFrom(
    walk: QueueWalk,
    queue: DeadLetterQueue,
    report: QueueRedriveReport,
    guard: RampGuard | undefined,
  ): Promise<boolean> {
    const { signal, onProgress } = this.#options;
    const batch = guard && { batch: guard.batch };
    while (this.#left > 0) {
      if (guard?.left === 0 || walk.ageMs > (guard ? LOOK_AFTER_MS : LONGEST_WALK_MS)) return false;
      const message = await walk.next();
      if (!message) return true;
      onProgress?.({ ...report, ...batch, phase: 'sending', walked: walk.walked, of: walk.length });
      const letter = new DeadLetter(message, queue.name);
      if (guard?.note(letter) || !this.#isWanted(letter, report)) {
        walk.hold();
        continue;
      }
      await guard?.begin();
      await this.#pace.turn(signal);
      if (signal?.aborted) throw new RedriveStopped('interrupted', 'stopped on request');
      guard?.sent();
      this.#send(walk, letter, queue, report);
      if (this.#inFlight.size >= MOST_IN_FLIGHT) await Promise.race(this.#inFlight);
      if (this.#problem) throw this.#problem as Error;
    }
    return true;
  }

  #isWanted(letter: DeadLetter, report: QueueRedriveReport): boolean {
    // One that has just come back is not sent again by the same redrive, ramp or no ramp.
    if (letter.redriven?.redrive === this.#id) return false;
    if (!matchesLetter(this.#filter, letter, this.#startedAt)) return false;
    if (letter.misplacedFrom !== undefined) {
      report.misplaced += 1;
      return false;
    }
    if (!this.#options.force && letter.isBeyondInbox(this.#startedAt)) {
      report.tooOld += 1;
      return false;
    }
    return true;
  }

  /** First to the queue that failed, with a confirm; only then out of the dead-letter queue. */
  #send(walk: QueueWalk, letter: DeadLetter, queue: DeadLetterQueue, report: QueueRedriveReport): void {
    this.#left -= 1;
    const sending = publishUntilKnown(
      this.#broker.publisher,
      redriveMessage(letter, queue.requeueExchange, this.#id),
      () => walk.live && !this.#options.signal?.aborted,
    )
      .then(() => {
        walk.take(letter.message);
        report.redriven += 1;
      })
      .catch((error: unknown) => {
        // With its channel gone the message is a dead letter as before, and comes again.
        const comesAgain = !walk.live && !(error instanceof RedriveImpossible);
        this.#problem ??= comesAgain ? new ReadingInterrupted(queue.name, { cause: error }) : error;
      })
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  async #flush(): Promise<void> {
    await Promise.all(this.#inFlight);
    if (this.#problem) throw this.#problem as Error;
  }
}

/**
 * Publishes until the broker has the message in the queue: to send it twice is harmless, because the inbox knows it.
 *
 * @throws RedriveImpossible when no queue receives it
 * @throws BrokerUnavailable, PublishNacked when the broker doesn't take it in time
 */
async function publishUntilKnown(
  publisher: ConfirmPublisher,
  message: OutgoingMessage,
  goOn: () => boolean,
): Promise<void> {
  const giveUpAt = Date.now() + PUBLISH_FOR_MS;
  for (;;) {
    try {
      await publisher.waitUntilReady(5_000);
      if ((await publisher.publish(message)) === 'routed') return;
      throw RedriveImpossible.unroutable(message);
    } catch (error) {
      if (error instanceof ExchangeUnusable) throw RedriveImpossible.noExchange(message, error);
      if (error instanceof RedriveImpossible || error instanceof RangeError) throw error;
      if (Date.now() > giveUpAt || !goOn()) throw error;
      await pause(1_000);
    }
  }
}
