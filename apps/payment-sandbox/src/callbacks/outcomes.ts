import { randomBytes } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Faults } from '../faults.ts';
import type { Outcome } from '../payments/payment.ts';
import { CallbackStore, type Callback } from '../storage/callback-store.ts';
import { Database } from '../storage/database.ts';
import { PaymentStore } from '../storage/payment-store.ts';
import { Delivery } from './delivery.ts';
import { PATIENCE_MS, pauseAfter } from './pauses.ts';

/** Decisions in one go, before other work gets its turn. */
const DECISIONS_AT_ONCE = 50;
const SENT_AT_ONCE = 20;
/** How long callbacks that are to be reversed wait for more of them. */
const HOLD_MS = 2_000;
/** How long a stop waits for answers. */
const STOP_PATIENCE_MS = 5_000;
/** The most that a timer of Node takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Decides payments when their time has come, and tells the outcomes until somebody takes them. All that it knows is in
 * the database: a new process goes on where the one before ended.
 */
@Injectable()
export class Outcomes {
  readonly #logger = new Logger('Outcomes');
  readonly #inHand = new Map<string, Promise<void>>();
  readonly #held: { callback: Callback; send: () => Promise<void> }[] = [];
  readonly #abort = new AbortController();
  #sending = 0;
  #isStopping = false;
  #timer: NodeJS.Timeout | undefined;
  #holdTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly payments: PaymentStore,
    private readonly callbacks: CallbackStore,
    private readonly delivery: Delivery,
    private readonly faults: Faults,
  ) {}

  /** Looks for work now, after what the caller has in hand. */
  wake(): void {
    this.#lookIn(0);
  }

  /** @returns false when the payment was decided before */
  decide(paymentId: string, outcome: Outcome): boolean {
    return this.#decide(paymentId, outcome) !== undefined;
  }

  /** Decides a payment and tells its outcome, once, before anything else is done. */
  async decideAndTell(paymentId: string, outcome: Outcome): Promise<void> {
    const callback = this.#decide(paymentId, outcome);
    if (callback) await this.#take(callback);
  }

  /** Waits for answers to what was sent, for some seconds; the rest is sent again by the next process. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#holdTimer);
    const cut = setTimeout(() => this.#abort.abort(), STOP_PATIENCE_MS);
    for (const { callback } of this.#held.splice(0)) this.#inHand.delete(callback.id);
    await Promise.all(this.#inHand.values());
    clearTimeout(cut);
  }

  #decide(paymentId: string, outcome: Outcome): Callback | undefined {
    const createdAt = new Date();
    const callback = this.database.transaction(() => {
      if (!this.payments.decide(paymentId, outcome)) return undefined;
      const { reference, amount } = this.payments.find(paymentId)!;
      const id = `evt_${randomBytes(16).toString('hex')}`;
      const payment = { id: paymentId, reference, amount };
      const body = JSON.stringify({ id, type: `payment.${outcome}`, createdAt, payment });
      const decided: Callback = { id, body, createdAt, attempts: 0 };
      const firstAttemptAt = new Date(createdAt.getTime() + this.faults.settings.callbackDelayMs);
      this.callbacks.insert(paymentId, decided, firstAttemptAt);
      return decided;
    });
    if (callback) {
      this.#logger.log(`${paymentId} is ${outcome}`, { callback: callback.id });
      this.wake();
    }
    return callback;
  }

  #lookIn(milliseconds: number): void {
    if (this.#isStopping) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), Math.min(milliseconds, LONGEST_TIMER_MS));
  }

  #look(): void {
    const now = new Date();
    const decidable = this.payments.due(now, DECISIONS_AT_ONCE);
    for (const { id, prospect } of decidable) this.#decide(id, prospect);
    const free = SENT_AT_ONCE - this.#sending;
    if (free > 0) {
      const due = this.callbacks.due(now, this.#inHand.size + free);
      for (const callback of due.filter(({ id }) => !this.#inHand.has(id)).slice(0, free)) {
        void this.#take(callback);
      }
    }
    const next = [this.payments.nextDue(), this.callbacks.nextDueAfter(now)].filter((at) => at !== undefined);
    if (next.length > 0) this.#lookIn(Math.max(0, Math.min(...next.map(Number)) - Date.now()));
  }

  /** Sends a callback, now or when its turn comes. */
  #take(callback: Callback): Promise<void> {
    const isHeld = this.faults.settings.reverseCallbacks > 1 && callback.attempts === 0;
    const sent = (isHeld ? this.#hold(callback) : this.#send(callback)).finally(() => {
      this.#inHand.delete(callback.id);
      this.wake();
    });
    this.#inHand.set(callback.id, sent);
    return sent;
  }

  #hold(callback: Callback): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#held.push({ callback, send: () => this.#send(callback).then(resolve, reject) });
    if (this.#held.length >= this.faults.settings.reverseCallbacks) void this.#sendReversed();
    else if (this.#held.length === 1) this.#holdTimer = setTimeout(() => void this.#sendReversed(), HOLD_MS);
    return promise;
  }

  async #sendReversed(): Promise<void> {
    clearTimeout(this.#holdTimer);
    for (const { send } of this.#held.splice(0).reverse()) await send();
  }

  async #send(callback: Callback): Promise<void> {
    this.#sending += 1;
    try {
      const attempts = callback.attempts + 1;
      this.callbacks.begin(callback.id, new Date(Date.now() + pauseAfter(attempts)));
      const copies = Array.from({ length: this.faults.settings.callbackCopies }, () =>
        this.delivery.attempt(callback, this.#abort.signal),
      );
      const refused = (await Promise.all(copies)).find((reason) => reason !== undefined);
      if (refused === undefined) {
        this.callbacks.deliver(callback.id);
        this.#logger.log(`callback ${callback.id} was taken`, { attempts });
      } else {
        this.#postpone(callback, attempts, refused);
      }
    } finally {
      this.#sending -= 1;
    }
  }

  #postpone({ id, createdAt }: Callback, attempts: number, reason: string): void {
    const pauseMs = pauseAfter(attempts);
    const next = Date.now() + pauseMs;
    const isOver = next > createdAt.getTime() + PATIENCE_MS;
    this.callbacks.fail(id, isOver ? null : new Date(next));
    const then = isOver ? 'given up' : `again in ${(pauseMs / 1000).toFixed(1)} s`;
    this.#logger.warn(`callback ${id} was not taken: ${reason}; ${then}`, { attempts });
  }
}
