import { pause } from '../timing.ts';
import type { BrokerAccess } from './broker-access.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queues.ts';
import { FailureWatch } from './failure-watch.ts';
import { countsOf } from './queue-counts.ts';
import { Ramp } from './ramp.ts';
import { RedriveStopped, type RedriveOptions } from './redrive-options.ts';

const LOOK_EVERY_MS = 1_000;
const SETTLE_MS = 10_000;
const PATIENCE_MS = 300_000;
const ASK_FOR_CONSUMERS_MS = 2_000;

/** Lets a redrive send batch by batch, as long as what was sent before is worked through and does not fail again. */
export class RampGuard {
  readonly #broker: BrokerAccess;
  readonly #queue: string;
  readonly #options: RedriveOptions;
  readonly #watch: FailureWatch;
  readonly #onSettling: () => void;
  readonly #ramp = new Ramp();
  /** Messages in the queue before the redrive. */
  #before: number | undefined;
  /** Dead letters that have been looked at. */
  #looked = 0;

  constructor(
    broker: BrokerAccess,
    queue: DeadLetterQueue,
    redrive: string,
    options: RedriveOptions,
    onSettling: () => void,
  ) {
    this.#broker = broker;
    this.#queue = queue.queue;
    this.#options = options;
    this.#watch = new FailureWatch(broker, queue, redrive);
    this.#onSettling = onSettling;
  }

  get failedAgain(): number {
    return this.#watch.failedAgain;
  }

  get batch(): number {
    return this.#ramp.batch;
  }

  /** How many messages of the batch may still be sent. */
  get left(): number {
    return this.#ramp.left;
  }

  note(letter: DeadLetter): boolean {
    return this.#watch.note(letter);
  }

  sent(): void {
    this.#ramp.sent();
  }

  /**
   * Before the first message.
   *
   * @throws RedriveStopped when nobody consumes the queue
   */
  async begin(): Promise<void> {
    if (this.#before !== undefined) return;
    if (!(await this.#isConsumed())) {
      throw new RedriveStopped(
        'not-consumed',
        `nobody consumes ${this.#queue}, so nothing shows what becomes of the messages: start its service, or redrive ` +
          'without a ramp',
      );
    }
    this.#before = await this.#messagesNow();
  }

  /**
   * After a walk: looks once, and when the batch is complete, or the last one, waits until the queue is through with it.
   *
   * @param remaining dead letters that should be there, if none has come
   * @throws RedriveStopped when messages of the redrive failed again, or the queue stands still
   */
  async afterWalk(remaining: number, isLast: boolean): Promise<void> {
    this.#looked = remaining;
    if (this.#ramp.left > 0 && !isLast) await this.#look();
    else if (this.#ramp.begun) await this.#settle();
  }

  async #settle(): Promise<void> {
    const { settleMs = SETTLE_MS, patienceMs = PATIENCE_MS, signal } = this.#options;
    const startedAt = Date.now();
    for (;;) {
      this.#onSettling();
      await this.#look();
      const waitedMs = Date.now() - startedAt;
      const messages = await this.#messagesNow();
      if (waitedMs >= settleMs && messages <= (this.#before ?? 0)) break;
      if (waitedMs >= Math.max(settleMs, patienceMs)) {
        throw new RedriveStopped(
          'not-settled',
          `${this.#queue} does not work through what was sent: ${messages} messages are in it, ${this.#before} were ` +
            'before. Its service may have paused it because something that it needs is away',
        );
      }
      await pause(Math.min(LOOK_EVERY_MS, settleMs), signal);
      if (signal?.aborted) throw new RedriveStopped('interrupted', 'stopped on request');
    }
    this.#ramp.next();
  }

  async #look(): Promise<void> {
    this.#looked = await this.#watch.lookAtDeadLetters(this.#looked);
    const tooMany = await this.#watch.lookAtWaiting();
    const { failedAgain } = this.#watch;
    if (failedAgain > (this.#options.tolerate ?? 0)) {
      throw new RedriveStopped(
        'failed-again',
        `${failedAgain} of the messages that were sent to ${this.#queue} failed again`,
      );
    }
    if (tooMany !== undefined) {
      throw new RedriveStopped(
        'failed-again',
        `${this.#queue} fails all the time: ${tooMany} messages wait for their second attempt`,
      );
    }
  }

  /** A busy queue says 0, so it is asked several times. */
  async #isConsumed(): Promise<boolean> {
    const giveUpAt = Date.now() + ASK_FOR_CONSUMERS_MS;
    for (;;) {
      const { consumers } = await countsOf(await this.#broker.model(), this.#queue);
      if (consumers > 0 || Date.now() >= giveUpAt) return consumers > 0;
      await pause(250, this.#options.signal);
    }
  }

  /** Ready ones as they are now, and with those in hand as they were up to five seconds ago. */
  async #messagesNow(): Promise<number> {
    const { ready } = await countsOf(await this.#broker.model(), this.#queue);
    const found = await this.#broker.api.find<{ messages?: number }>('queues', this.#queue);
    return Math.max(ready, found?.messages ?? 0);
  }
}
