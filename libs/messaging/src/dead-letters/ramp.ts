import { pause } from '../timing.ts';

/** How many messages each batch of a redrive has; after the last number it goes on with that. */
const BATCHES = [1, 2, 5, 20, 50, 200, 500, 2_000, 5_000, 20_000] as const;

/** Batches that grow as long as all goes well. */
export class Ramp {
  #step = 0;
  #sent = 0;

  get batch(): number {
    return BATCHES[Math.min(this.#step, BATCHES.length - 1)]!;
  }

  /** How many messages of the batch are to be sent. When none is, what becomes of it decides whether there is a next. */
  get left(): number {
    return Math.max(0, this.batch - this.#sent);
  }

  get begun(): boolean {
    return this.#sent > 0;
  }

  sent(): void {
    this.#sent += 1;
  }

  next(): void {
    this.#step += 1;
    this.#sent = 0;
  }
}

/** Lets so many through in a second, evenly. */
export class Pace {
  readonly #intervalMs: number;
  #nextAt = 0;

  /** @param perSecond Infinity for as many as can be */
  constructor(perSecond: number) {
    this.#intervalMs = 1_000 / perSecond;
  }

  async turn(signal?: AbortSignal): Promise<void> {
    const now = performance.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + this.#intervalMs;
    if (at > now) await pause(at - now, signal);
  }
}
