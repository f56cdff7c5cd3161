import type { ConsumeMessage } from 'amqplib';
import { HEADER } from '../broker/message-codec.ts';
import type { BrokerAccess } from './broker-access.ts';
import { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queues.ts';
import { lookThrough } from './look-through.ts';
import { countsOf } from './queue-counts.ts';

/** Of a wait queue that holds more, the newest can't be seen with little effort. */
const MOST_WAITING = 1_000;

/**
 * Finds out which messages of a redrive have failed again: those that wait for their next attempt, and those that are
 * dead letters again. It only looks: a binding of its own to the retry or dead-letter exchange would make the broker
 * confirm a message that no queue of the service receives.
 */
export class FailureWatch {
  readonly #broker: BrokerAccess;
  readonly #queue: DeadLetterQueue;
  readonly #redrive: string;
  readonly #failedAgain = new Set<string>();

  constructor(broker: BrokerAccess, queue: DeadLetterQueue, redrive: string) {
    this.#broker = broker;
    this.#queue = queue;
    this.#redrive = redrive;
  }

  /** Messages of the redrive that were seen to have failed again. */
  get failedAgain(): number {
    return this.#failedAgain.size;
  }

  /** Whether a dead letter is one of this redrive that came back; then it is counted. */
  note(letter: DeadLetter): boolean {
    if (letter.headers[HEADER.redrive] !== this.#redrive) return false;
    this.#failedAgain.add(letter.id);
    return true;
  }

  /**
   * Looks at the dead letters, when there are more than expected. New ones are at the end, behind all others; so
   * nobody may have the others in hand now, or they would be behind afterwards.
   *
   * @returns how many there are
   */
  async lookAtDeadLetters(expected: number): Promise<number> {
    const model = await this.#broker.model();
    const { ready } = await countsOf(model, this.#queue.name);
    if (ready > expected)
      await lookThrough(model, this.#queue.name, { visit: (message) => this.#visit(message) });
    return ready;
  }

  /** @returns messages that wait for their second attempt, when they are too many to be looked at */
  async lookAtWaiting(): Promise<number | undefined> {
    const model = await this.#broker.model();
    let tooMany: number | undefined;
    for (const [tier, name] of this.#queue.waitQueues.entries()) {
      const { ready } = await countsOf(model, name);
      if (ready > MOST_WAITING && tier === 0) tooMany = ready;
      if (ready === 0 || ready > MOST_WAITING) continue;
      // What is given back and has waited long enough leaves at once: it need not be shown there again.
      await lookThrough(model, name, {
        visit: (message) => this.#visit(message),
        limit: MOST_WAITING,
        hasty: true,
      });
    }
    return tooMany;
  }

  #visit(message: ConsumeMessage): void {
    this.note(new DeadLetter(message, this.#queue.name));
  }
}
