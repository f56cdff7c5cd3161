import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { SERVICE_CONFIG } from '@warren/service';
import type { Access } from '../credentials/access-tokens.ts';
import type { GatewayConfig } from '../config.ts';
import { EventStream, type Snapshot } from './event-stream.ts';
import type { SeenEntries } from './seen-entries.ts';
import { ViewNews, type News } from './view-news.ts';

/** Where something that can be followed is read. */
export interface Source {
  load(ids: readonly string[]): Promise<Snapshot[]>;
  /** How many entries the history of each of these has. Cheaper than loading them. */
  countEntries(ids: readonly string[]): Promise<Map<string, number>>;
}

/** There are as many streams as there may be. */
export class TooManyStreams extends Error {
  override readonly name = 'TooManyStreams';
  constructor(
    readonly of: 'user' | 'process',
    readonly limit: number,
  ) {
    super(`${limit} event streams are open, more are not served to one ${of}`);
  }
}

/** What one or more clients follow. */
interface Topic {
  source: Source;
  streams: Set<EventStream>;
  /** As shown last. */
  entries: number;
  isFinal: boolean;
}

/**
 * Shows the clients of this process what changes in the views that they follow. It looks when a change is told of, and
 * from time to time, at all of them together; so news that are lost come late, and are not lost to the client.
 */
@Injectable()
export class LiveUpdates implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log = new Logger(LiveUpdates.name);
  readonly #topics = new Map<string, Topic>();
  /** Open streams of each account that has any. */
  readonly #streamsOf = new Map<string, number>();
  #openStreams = 0;
  /** Ids of topics to look at. */
  readonly #woken = new Set<string>();
  #looking: Promise<void> | undefined;
  #polling: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(
    news: ViewNews,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {
    news.listen((what) => this.#wake(what));
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#polling ??= this.#poll().finally(() => (this.#polling = undefined));
    }, this.config.WARREN_STREAM_POLL_SECONDS * 1000);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#polling;
    await this.#looking;
  }

  /** Ends all streams, and those that are opened from now on at once: their clients come back, to another replica. */
  stop(): void {
    this.#stopping = true;
    for (const { streams } of this.#topics.values()) for (const stream of streams) stream.finish();
  }

  /** Whether nothing more is expected, and was not for a while. */
  isSettled({ isFinal, quietMs }: Snapshot): boolean {
    return isFinal && quietMs >= this.config.WARREN_STREAM_LINGER_SECONDS * 1000;
  }

  /**
   * @param snapshot read just now
   * @param seen what the client has already
   * @param cutOff takes the connection from the client
   * @throws TooManyStreams
   */
  open(
    source: Source,
    snapshot: Snapshot,
    seen: SeenEntries,
    { accountId, expiresAt }: Access,
    cutOff: () => void,
  ): EventStream {
    this.#assertRoomFor(accountId);
    const heartbeatMs = this.config.WARREN_STREAM_HEARTBEAT_SECONDS * 1000;
    const stream = new EventStream({ seen, heartbeatMs, expiresAt, cutOff });
    this.#register(stream, source, snapshot, accountId);
    stream.show(snapshot, this.isSettled(snapshot));
    if (this.#stopping) stream.finish();
    // What changed since it was read was told to nobody here.
    else this.#wake(new Set([snapshot.id]));
    return stream;
  }

  #assertRoomFor(accountId: string): void {
    const { WARREN_STREAMS: ofProcess, WARREN_STREAMS_PER_USER: ofUser } = this.config;
    if ((this.#streamsOf.get(accountId) ?? 0) >= ofUser) throw new TooManyStreams('user', ofUser);
    if (this.#openStreams >= ofProcess) throw new TooManyStreams('process', ofProcess);
  }

  #register(
    stream: EventStream,
    source: Source,
    { id, entries, isFinal }: Snapshot,
    accountId: string,
  ): void {
    const topic = this.#topics.get(id) ?? { source, streams: new Set(), entries: entries.length, isFinal };
    topic.streams.add(stream);
    this.#topics.set(id, topic);
    this.#count(accountId, 1);
    stream.once('close', () => {
      topic.streams.delete(stream);
      if (topic.streams.size === 0) this.#topics.delete(id);
      this.#count(accountId, -1);
    });
  }

  #count(accountId: string, change: 1 | -1): void {
    this.#openStreams += change;
    const streams = (this.#streamsOf.get(accountId) ?? 0) + change;
    if (streams === 0) this.#streamsOf.delete(accountId);
    else this.#streamsOf.set(accountId, streams);
  }

  #wake(news: News): void {
    const ids = news === 'anything' ? this.#topics.keys() : news;
    for (const id of ids) if (this.#topics.has(id)) this.#woken.add(id);
    if (this.#woken.size > 0) this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
  }

  /** One look at a time, so that what is shown never goes back. */
  async #look(): Promise<void> {
    try {
      while (this.#woken.size > 0) {
        const groups = this.#bySource(this.#woken);
        this.#woken.clear();
        for (const [source, ids] of groups) {
          for (const snapshot of await source.load(ids)) this.#show(snapshot);
        }
      }
    } catch (error) {
      this.#log.warn(`could not look for changes, trying again at the next poll: ${String(error)}`);
    }
  }

  #show(snapshot: Snapshot): void {
    const topic = this.#topics.get(snapshot.id);
    if (!topic) return;
    topic.entries = snapshot.entries.length;
    topic.isFinal = snapshot.isFinal;
    for (const stream of topic.streams) stream.show(snapshot, this.isSettled(snapshot));
  }

  /** Finds what was not told of, and what is over because nothing has happened for a while. */
  async #poll(): Promise<void> {
    try {
      const changed = new Set<string>();
      for (const [source, ids] of this.#bySource(this.#topics.keys())) {
        const counts = await source.countEntries(ids);
        for (const id of ids) {
          const topic = this.#topics.get(id);
          if (topic && (topic.isFinal || topic.entries !== counts.get(id))) changed.add(id);
        }
      }
      this.#wake(changed);
    } catch (error) {
      this.#log.warn(`could not poll for changes: ${String(error)}`);
    }
  }

  #bySource(ids: Iterable<string>): Map<Source, string[]> {
    const known = [...ids].filter((id) => this.#topics.has(id));
    return Map.groupBy(known, (id) => this.#topics.get(id)!.source);
  }
}
