import type { MessagingLogger } from '../logger.ts';
import { BrokerAccess, type BrokerAddress } from './broker-access.ts';
import { DeadLetter } from './dead-letter.ts';
import { findDeadLetterQueues, type DeadLetterQueue } from './dead-letter-queues.ts';
import { discardDeadLetters, type DiscardOptions, type DiscardReport } from './discard.ts';
import { matchesLetter, type DeadLetterFilter } from './filter.ts';
import { lookThrough } from './look-through.ts';
import { Redrive } from './redrive.ts';
import type { RedriveOptions, RedriveReport } from './redrive-options.ts';
import { DeadLetterCounter, type DeadLetterSummary } from './summary.ts';

export interface DeadLettersOptions extends BrokerAddress {
  /** Told of connections that are lost and of queues that are begun again. Default: nothing is told. */
  logger?: MessagingLogger;
}

export interface LookOverOptions {
  signal?: AbortSignal;
  onProgress?: (progress: { queue: string; looked: number; of: number }) => void;
}

const SILENT: MessagingLogger = { log: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * The dead letters of all services of a virtual host, for whoever looks after them: to look at, to send again to the
 * queue that failed, to discard. It needs the broker alone, no service and no database, and an administrator's rights.
 */
export class DeadLetters {
  readonly #broker: BrokerAccess;
  readonly #logger: MessagingLogger;

  private constructor(broker: BrokerAccess, logger: MessagingLogger) {
    this.#broker = broker;
    this.#logger = logger;
  }

  /** @throws BrokerUnavailable when the broker can't be reached or refuses the user */
  static async open({ logger = SILENT, ...address }: DeadLettersOptions): Promise<DeadLetters> {
    return new DeadLetters(await BrokerAccess.open(address, logger), logger);
  }

  /**
   * The dead-letter queues, also empty ones, of the queues that are meant.
   *
   * @throws ManagementFailure
   * @throws UnsafeToLook when looking at one of them could drop messages
   */
  queues(filter: DeadLetterFilter = {}): Promise<DeadLetterQueue[]> {
    return findDeadLetterQueues(this.#broker.api, filter);
  }

  /**
   * Shows every dead letter that is meant to `visit`, and leaves all of them where they are. Queue by queue, from the
   * oldest; memory doesn't grow with their number, as long as `visit` keeps nothing.
   *
   * @returns how many were shown
   */
  async look(
    filter: DeadLetterFilter,
    visit: (letter: DeadLetter) => void,
    { signal, onProgress }: LookOverOptions = {},
  ): Promise<number> {
    const now = Date.now();
    let shown = 0;
    for (const { name, queue } of await this.queues(filter)) {
      if (signal?.aborted) break;
      await lookThrough(await this.#broker.model(signal), name, {
        visit(message) {
          const letter = new DeadLetter(message, name);
          if (!matchesLetter(filter, letter, now)) return;
          shown += 1;
          visit(letter);
        },
        signal,
        onProgress: (looked, of) => onProgress?.({ queue, looked, of }),
      });
    }
    return shown;
  }

  /** Counts the dead letters that are meant, by queue, reason, type and age: what a redrive or a discard would find. */
  async summarize(filter: DeadLetterFilter, options?: LookOverOptions): Promise<DeadLetterSummary> {
    const counter = new DeadLetterCounter();
    await this.look(filter, (letter) => counter.add(letter), options);
    return counter.summary();
  }

  /**
   * Sends the dead letters that are meant to the queues in which they failed, and to no others. Each leaves the
   * dead-letter queue when it is in the other: whoever is killed in between leaves it in both, and the inbox of the
   * service sees to it that it has its effect once.
   *
   * @returns what became of them, queue by queue, also of queues to which nothing can be sent
   * @throws BrokerUnavailable, ReadingInterrupted when the broker is away for long; nothing is lost
   * @throws TypeError when the options can't work
   */
  async redrive(filter: DeadLetterFilter, options: RedriveOptions = {}): Promise<RedriveReport> {
    assertPositive('perSecond', options.perSecond);
    assertPositive('limit', options.limit);
    assertPositive('settleMs', options.settleMs);
    assertPositive('patienceMs', options.patienceMs);
    // What is in hand for longer than 30 minutes is taken back by the broker.
    if (options.perSecond !== undefined && options.perSecond < 0.01) {
      throw new TypeError('perSecond must be at least 0.01: one message in 100 seconds');
    }
    if ((options.patienceMs ?? 0) > 900_000)
      throw new TypeError('patienceMs must be at most 900000: 15 minutes');
    const queues = await this.queues(filter);
    return new Redrive(this.#broker, filter, options, this.#logger).run(queues);
  }

  /** Writes the dead letters that are meant to a file, without their secrets, and takes them out of their queues. */
  async discard(filter: DeadLetterFilter, options: DiscardOptions): Promise<DiscardReport> {
    assertPositive('limit', options.limit);
    const queues = await this.queues(filter);
    return discardDeadLetters(this.#broker, queues, filter, options, this.#logger);
  }

  close(): Promise<void> {
    return this.#broker.close();
  }
}

function assertPositive(name: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0)) throw new TypeError(`${name} must be positive, not ${value}`);
}
