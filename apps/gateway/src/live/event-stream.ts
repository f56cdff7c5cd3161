import { Readable } from 'node:stream';
import type { HistoryEntry } from '../queries/followed.ts';
import type { SeenEntries } from './seen-entries.ts';

/** What is known at one moment of something that is followed. */
export interface Snapshot {
  id: string;
  entries: readonly HistoryEntry[];
  /** Its representation, in JSON on one line. */
  body: string;
  /** Whether nothing more is expected to happen, see {@link Followed}. */
  isFinal: boolean;
  /** How long ago the latest entry became known, in milliseconds. */
  quietMs: number;
}

export interface EventStreamOptions {
  /** What the client has already. */
  seen: SeenEntries;
  /** How often it is shown that the stream is alive, in milliseconds. */
  heartbeatMs: number;
  /** When the stream ends in any case, in milliseconds since 1970. */
  expiresAt: number;
  /** Takes the connection from a client that does not read. Does nothing when the answer is at its end. */
  cutOff(): void;
}

/** When a client comes back whose stream has ended, in milliseconds: not all in the same moment. */
const RETRY_MS = { min: 1_000, max: 4_000 };

/** A client that has taken nothing for so many heartbeats is cut off. */
const MISSED_HEARTBEATS = 2;

/** How long a stream that has ended waits for its client to take what it was sent, in milliseconds. */
const FAREWELL_MS = 2_000;

/** The longest that a timer of Node can wait, in milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * What one client is sent: an event for every entry of a history that it doesn't have. An event is only made when the
 * client has taken those before it, so that no more than one of them waits in memory, however slowly it reads.
 *
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export class EventStream extends Readable {
  readonly #seen: SeenEntries;
  readonly #cutOff: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #expiry: NodeJS.Timeout;
  #snapshot: Snapshot | undefined;
  #settled = false;
  #ended = false;
  /** Whether the client takes what is sent. */
  #wanted = true;
  #missedHeartbeats = 0;

  constructor({ seen, heartbeatMs, expiresAt, cutOff }: EventStreamOptions) {
    // Nothing is kept here: what is pushed has been asked for.
    super({ encoding: 'utf8', highWaterMark: 0 });
    this.#seen = seen;
    this.#cutOff = cutOff;
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
    const lifetime = Math.min(Math.max(0, expiresAt - Date.now()), LONGEST_TIMER_MS);
    this.#expiry = setTimeout(() => this.finish(': the access token has expired\n\n'), lifetime);
    const { min, max } = RETRY_MS;
    this.#send(`retry: ${Math.round(min + Math.random() * (max - min))}\n\n`);
  }

  /** @param settled whether nothing is waited for any more, so that the stream ends with what it shows */
  show(snapshot: Snapshot, settled: boolean): void {
    this.#snapshot = snapshot;
    this.#settled = settled;
    this.#pump();
  }

  /**
   * Ends the stream behind what was sent already; the client may come back for more.
   *
   * @param lastWords sent before the end
   */
  finish(lastWords = ''): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopTimers();
    if (lastWords !== '') this.push(lastWords);
    this.push(null);
    setTimeout(this.#cutOff, FAREWELL_MS).unref();
  }

  override _read(): void {
    this.#wanted = true;
    this.#missedHeartbeats = 0;
    this.#pump();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#ended = true;
    this.#stopTimers();
    callback(error);
  }

  #pump(): void {
    while (this.#wanted && !this.#ended && this.#snapshot) {
      const { entries, body } = this.#snapshot;
      const entry = entries.find((each) => !this.#seen.has(each));
      if (!entry) {
        if (this.#settled) this.finish('event: end\ndata: {}\n\n');
        return;
      }
      this.#seen.add(entry);
      this.#send(`id: ${this.#seen.toString()}\nevent: ${entry.type}\ndata: ${body}\n\n`);
    }
  }

  #send(text: string): void {
    this.#wanted = this.push(text);
  }

  #beat(): void {
    if (this.#wanted) {
      this.#send(':\n\n');
      return;
    }
    this.#missedHeartbeats += 1;
    if (this.#missedHeartbeats >= MISSED_HEARTBEATS) this.#cutOff();
  }

  #stopTimers(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#expiry);
  }
}
