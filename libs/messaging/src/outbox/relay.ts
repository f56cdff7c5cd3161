import type { Client } from 'pg';
import { parseEnvelope } from '@warren/contracts';
import type { ConfirmPublisher } from '../broker/confirm-publisher.ts';
import { propertiesOf } from '../broker/message-codec.ts';
import { BrokerUnavailable, ExchangeUnusable } from '../errors.ts';
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
  readonly #unusable = new Map<string, number>();
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
    while (!signal.aborted) {
      if (!(await this.#publisher.waitUntilReady(this.#pollIntervalMs, signal))) {
        await client.query('SELECT 1'); // notices a lost lock also while the broker is away
        continue;
      }
      this.#wakeRequested = false;
      await this.#lookForUnusable();
      const rows = await store.next(this.#batchSize, [...this.#unusable.keys()], this.#anyHeld);
      const interrupted = rows.length > 0 && (await this.#publishBatch(store, rows));
      if (interrupted) await pause(100, signal);
      else if (rows.length < this.#batchSize) {
        if (this.#anyHeld && rows.length === 0) this.#anyHeld = await store.anyHeld();
        await this.#sleep();
      }
    }
  }

  /** @returns whether something other than the rows themselves was in the way */
  async #publishBatch(store: OutboxStore, rows: OutboxRow[]): Promise<boolean> {
    const chains = new Map<string, OutboxRow[]>();
    for (const row of rows) {
      const chain = chains.get(row.aggregate);
      if (chain) chain.push(row);
      else chains.set(row.aggregate, [row]);
    }
    const done: string[] = [];
    const failed: { row: OutboxRow; error: Error }[] = [];
    let interrupted = false;
    const publishInOrder = async (chain: OutboxRow[]): Promise<void> => {
      for (const row of chain) {
        try {
          await this.#publish(row);
          done.push(row.seq);
        } catch (error) {
          if (error instanceof BrokerUnavailable) interrupted = true;
          else if (error instanceof ExchangeUnusable) this.#setAside(error);
          else failed.push({ row, error: error as Error });
          return; // the rest of the aggregate waits for this one
        }
      }
    };
    await Promise.all([...chains.values()].map(publishInOrder));
    if (done.length > 0) await store.remove(done);
    this.#metrics.relayed(done.length);
    for (const { row, error } of failed) {
      const delay = Math.min(FIRST_HOLD_MS * 2 ** row.failures, LONGEST_HOLD_MS) * (1 + Math.random() / 4);
      await store.hold(row.seq, Math.round(delay), error.message);
      this.#anyHeld = true;
      this.#logger.warn(
        `${row.routingKey} ${row.id} of ${row.aggregate} is kept in the outbox: ${error.message}`,
      );
    }
    return interrupted;
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
      throw new Error(
        `no queue receives ${row.routingKey} from ${row.exchange}: is the service that handles it set up?`,
      );
    }
    this.#metrics.unrouted(row.routingKey);
  }

  #setAside({ exchange, message, missing }: ExchangeUnusable): void {
    this.#logger.warn(`${exchange} can't be published to, its messages wait in the outbox: ${message}`);
    this.#unusable.set(exchange, Date.now() + (missing ? MISSING_EXCHANGE_MS : FORBIDDEN_EXCHANGE_MS));
  }

  async #lookForUnusable(): Promise<void> {
    for (const [exchange, until] of this.#unusable) {
      if (until > Date.now()) continue;
      if (await this.#publisher.exchangeExists(exchange).catch(() => false)) this.#unusable.delete(exchange);
      else this.#unusable.set(exchange, Date.now() + MISSING_EXCHANGE_MS);
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
