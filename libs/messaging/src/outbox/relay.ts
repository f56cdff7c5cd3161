import type { Client } from 'pg';
import { parseEnvelope } from '@warren/contracts';
import type { ConfirmPublisher } from '../broker/confirm-publisher.ts';
import { propertiesOf } from '../broker/message-codec.ts';
import { BrokerUnavailable, ConfirmTimedOut, ExchangeUnusable } from '../errors.ts';
import type { MessagingLogger } from '../logger.ts';
import type { MessagingMetrics } from '../metrics.ts';
import { pause } from '../timing.ts';
import { OutboxStore, type OutboxRow } from './outbox-store.ts';
import type { RelayLease } from './relay-lease.ts';

export interface RelayOptions {
  /** Rows read, published and deleted together. Default 500. */
  batchSize?: number;
  /** How long an empty outbox is left alone when nobody wakes the relay. Milliseconds, default 1,000. */
  pollIntervalMs?: number;
}

/** How long a row that the broker refused waits: it doubles with each failure, from 1 s to a minute. */
const FIRST_HOLD_MS = 1_000;
const LONGEST_HOLD_MS = 60_000;
/** How often a missing exchange is looked for. A publish would tell too, at the price of the channel. */
const MISSING_EXCHANGE_MS = 500;
/** How long an exchange is left alone that this user may not publish to. */
const FORBIDDEN_EXCHANGE_MS = 30_000;

/** Kept rows that are tried again in one batch: they must not crowd out the others. */
const DUE_AGAIN_LIMIT = 50;
/** How long a routing key is left alone that no queue receives. */
const UNROUTABLE_KEY_MS = 1_000;
/** And one of which nothing is confirmed: others wait while it is tried, so it is tried ever more seldom. */
const FIRST_SLOW_KEY_MS = 10_000;
const LONGEST_SLOW_KEY_MS = 5 * 60_000;
/** Well within the time after which the server lets go of a silent relay. */
const HEARTBEAT_MS = 5_000;
/** AMQP reply code, here for a message that is larger than the broker takes. */
const PRECONDITION_FAILED = 406;

/** A command that no queue receives. */
class Unroutable extends Error {}

/** Publishes what stands in the outbox: one replica at a time, in order for each aggregate. */
export class Relay {
  readonly #lease: RelayLease;
  readonly #publisher: ConfirmPublisher;
  readonly #service: string;
  readonly #logger: MessagingLogger;
  readonly #metrics: MessagingMetrics;
  readonly #batchSize: number;
  readonly #pollIntervalMs: number;
  readonly #stopping = new AbortController();
  /** What is left alone for a while, by `<exchange>/<routing key>`; with the exchange where that is the reason. */
  readonly #aside = new Map<string, { until: number; exchange: string | undefined }>();
  /** How often in a row nothing was confirmed of a key. */
  readonly #slow = new Map<string, number>();
  /** Whether rows are published one at a time, to find the one that makes the broker close the channel. */
  #searching = false;
  #wakeRequested = false;
  #wakeSleeper: (() => void) | undefined;
  #anyHeld = true;
  #running: Promise<void> | undefined;
  /** Whether this replica is the one that relays. */
  active = false;

  constructor(
    lease: RelayLease,
    publisher: ConfirmPublisher,
    service: string,
    logger: MessagingLogger,
    metrics: MessagingMetrics,
    options: RelayOptions = {},
  ) {
    this.#lease = lease;
    this.#publisher = publisher;
    this.#service = service;
    this.#logger = logger;
    this.#metrics = metrics;
    this.#batchSize = options.batchSize ?? 500;
    this.#pollIntervalMs = options.pollIntervalMs ?? 1_000;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something was committed: look at once. */
  wake(): void {
    this.#wakeRequested = true;
    this.#wakeSleeper?.();
  }

  /** Ends after the batch in hand. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wakeSleeper?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const client = await this.#lease.acquire(signal);
      if (!client) return;
      this.active = true;
      this.#anyHeld = true; // not known: another replica may have kept rows
      this.#logger.log('this replica relays the outbox');
      try {
        await this.#relayUntilStopped(client, signal);
      } catch (error) {
        this.#logger.warn(`relaying the outbox was interrupted: ${(error as Error).message}`);
        await pause(500, signal);
      } finally {
        this.active = false;
        await client.end().catch(() => undefined); // lost: its lock went with it
      }
    }
  }

  async #relayUntilStopped(client: Client, signal: AbortSignal): Promise<void> {
    const store = new OutboxStore(client);
    // A lost connection fails the next statement of the loop; this one only has to be made.
    const heartbeat = setInterval(() => {
      if (!store.busy) void store.sayAlive().catch(() => undefined);
    }, HEARTBEAT_MS);
    try {
      while (!signal.aborted) {
        if (!(await this.#publisher.waitUntilReady(this.#pollIntervalMs, signal))) {
          await store.sayAlive(); // notices a lost lock also while the broker is away
          continue;
        }
        this.#wakeRequested = false;
        await this.#lookForUnusable();
        const aside = [...this.#aside.keys()];
        const again = this.#anyHeld ? await store.dueAgain(DUE_AGAIN_LIMIT, aside) : [];
        const fresh =
          this.#anyHeld || aside.length > 0
            ? await store.nextBeside(this.#batchSize, aside)
            : await store.next(this.#batchSize);
        const result = await this.#publishBatch(store, [...again, ...fresh]);
        if (this.#anyHeld && again.length === 0) this.#anyHeld = await store.anyHeld();
        if (result.interrupted) await pause(100, signal);
        else if (fresh.length < this.#batchSize && (again.length < DUE_AGAIN_LIMIT || result.done === 0)) {
          await this.#sleep();
        }
      }
    } finally {
      clearInterval(heartbeat);
    }
  }

  async #publishBatch(
    store: OutboxStore,
    rows: OutboxRow[],
  ): Promise<{ done: number; interrupted: boolean }> {
    const chains = new Map<string, OutboxRow[]>();
    for (const row of rows) {
      const chain = chains.get(row.aggregate);
      if (chain) chain.push(row);
      else chains.set(row.aggregate, [row]);
    }
    const done: string[] = [];
    const failed: { row: OutboxRow; error: Error }[] = [];
    let interruption: BrokerUnavailable | undefined;
    const publishInOrder = async (chain: OutboxRow[]): Promise<void> => {
      for (const row of chain) {
        try {
          await this.#publish(row);
          done.push(row.seq);
          if (this.#slow.size > 0) this.#slow.delete(keyOf(row));
        } catch (error) {
          if (
            error instanceof BrokerUnavailable &&
            !(this.#searching && error.code === PRECONDITION_FAILED)
          ) {
            interruption = error;
          } else if (error instanceof ExchangeUnusable) this.#setAsideExchange(row, error);
          else failed.push({ row, error: error as Error });
          return; // the rest of the aggregate waits for this one
        }
      }
    };
    if (this.#searching) for (const chain of chains.values()) await publishInOrder(chain);
    else await Promise.all([...chains.values()].map(publishInOrder));
    if (done.length > 0) await store.remove(done);
    this.#metrics.relayed(done.length);
    if (failed.length > 0) await this.#keep(store, failed);
    // One message made the broker close the channel on all: the next batch goes one by one to find it.
    this.#searching = interruption?.code === PRECONDITION_FAILED;
    if (interruption) this.#logger.warn(`the outbox waits: ${interruption.message}`);
    return { done: done.length, interrupted: interruption !== undefined };
  }

  async #keep(store: OutboxStore, failed: { row: OutboxRow; error: Error }[]): Promise<void> {
    this.#anyHeld = true;
    await store.hold(
      failed.map(({ row, error }) => ({
        seq: row.seq,
        delayMs: Math.min(FIRST_HOLD_MS * 2 ** row.failures, LONGEST_HOLD_MS) * (1 + Math.random() / 4),
        error: error.message,
      })),
    );
    const [first] = failed;
    const others = failed.length > 1 ? ` and ${failed.length - 1} more` : '';
    this.#logger.warn(
      `${first!.row.routingKey} ${first!.row.id} of ${first!.row.aggregate}${others} kept in the outbox: ${first!.error.message}`,
    );
    this.#leaveAlone(failed);
  }

  /** Whoever is not there, or does not answer, is not asked again for each of a thousand messages. */
  #leaveAlone(failed: readonly { row: OutboxRow; error: Error }[]): void {
    const slow = new Map<string, OutboxRow>();
    for (const { row, error } of failed) {
      if (error instanceof ConfirmTimedOut) slow.set(keyOf(row), row);
      else if (error instanceof Unroutable) this.#setAside(row, UNROUTABLE_KEY_MS);
    }
    for (const [key, row] of slow) {
      const times = this.#slow.get(key) ?? 0;
      this.#slow.set(key, times + 1);
      this.#setAside(row, Math.min(FIRST_SLOW_KEY_MS * 2 ** times, LONGEST_SLOW_KEY_MS));
    }
  }

  async #publish(row: OutboxRow): Promise<void> {
    const body = Buffer.from(row.body);
    const outcome = await this.#publisher.publish({
      exchange: row.exchange,
      routingKey: row.routingKey,
      body,
      properties: propertiesOf(parseEnvelope(body), this.#service, row.headers),
      mandatory: true,
    });
    if (outcome === 'routed') return;
    if (row.mustBeRouted) {
      throw new Unroutable(
        `no queue receives ${row.routingKey} from ${row.exchange}: is the service that handles it set up?`,
      );
    }
    this.#metrics.unrouted(row.routingKey);
  }

  #setAside(row: OutboxRow, ms: number, exchange?: string): void {
    this.#aside.set(keyOf(row), { until: performance.now() + ms, exchange });
  }

  #setAsideExchange(row: OutboxRow, { exchange, message, missing }: ExchangeUnusable): void {
    this.#logger.warn(`${exchange} can't be published to, its messages wait in the outbox: ${message}`);
    this.#setAside(row, missing ? MISSING_EXCHANGE_MS : FORBIDDEN_EXCHANGE_MS, exchange);
  }

  async #lookForUnusable(): Promise<void> {
    for (const [key, { until, exchange }] of this.#aside) {
      if (until > performance.now()) continue;
      if (!exchange || (await this.#publisher.exchangeExists(exchange).catch(() => false)))
        this.#aside.delete(key);
      else this.#aside.set(key, { until: performance.now() + MISSING_EXCHANGE_MS, exchange });
    }
  }

  async #sleep(): Promise<void> {
    if (this.#wakeRequested || this.#stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakeSleeper = undefined;
        resolve();
      };
      const timer = setTimeout(done, this.#pollIntervalMs);
      this.#wakeSleeper = done;
    });
  }
}

function keyOf({ exchange, routingKey }: OutboxRow): string {
  return `${exchange}/${routingKey}`;
}
