import { Injectable } from '@nestjs/common';

/** What goes wrong on purpose. */
export interface FaultSettings {
  /** So many calls of /v1 are answered 500, and have no effect. */
  failNextRequests: number;
  /** So many calls of /v1 that have an effect are answered 500 all the same. */
  failNextRequestsAfterEffect: number;
  /** Between an outcome and the first attempt to tell it, in milliseconds. */
  callbackDelayMs: number;
  /** How often each callback is sent, at the same time. */
  callbackCopies: number;
  /** The outcome of a payment is told before its own call is answered. */
  callbackBeforeAnswer: boolean;
  /** So many callbacks are held back and sent in reverse order. 0 and 1: none. */
  reverseCallbacks: number;
}

export const NO_FAULTS: Readonly<FaultSettings> = {
  failNextRequests: 0,
  failNextRequestsAfterEffect: 0,
  callbackDelayMs: 0,
  callbackCopies: 1,
  callbackBeforeAnswer: false,
  reverseCallbacks: 0,
};

/** The faults that are set. They live in this process: a new one has none. */
@Injectable()
export class Faults {
  #settings: FaultSettings = { ...NO_FAULTS };

  get settings(): Readonly<FaultSettings> {
    return this.#settings;
  }

  /** Replaces all of them. */
  set(settings: Partial<FaultSettings>): void {
    this.#settings = { ...NO_FAULTS, ...settings };
  }

  /** Whether this call is one of those that fail; it is counted. */
  takes(counter: 'failNextRequests' | 'failNextRequestsAfterEffect'): boolean {
    if (this.#settings[counter] === 0) return false;
    this.#settings[counter] -= 1;
    return true;
  }
}
