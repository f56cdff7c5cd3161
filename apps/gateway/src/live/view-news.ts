import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { AfterCommit, ImpatientClient, openTransactionOf } from '@warren/messaging';
import { SERVICE_CONFIG } from '@warren/service';
import { DataSource, type EntityManager } from 'typeorm';
import type { GatewayConfig } from '../config.ts';

/** What may have changed: ids of orders and files, or anything. */
export type News = ReadonlySet<string> | 'anything';

const CHANNEL = 'warren_gateway_views';
const COALESCE_MS = 20;
/** A payload holds at most 8000 bytes. */
const MOST_IDS = 200;
const ANYTHING = '*';
/** How often a connection on which nothing is said is asked whether it is alive. */
const CHECK_MS = 15_000;
const RECONNECT_MS = 1_000;

/**
 * Tells all replicas which views have changed: this process after each commit, the others by one `NOTIFY` for all commits
 * of the last moment. It is sent outside of the business transaction, where it would take a database-wide lock at commit,
 * and on the connection that listens, so that no handler waits for it. News can be lost with that connection; whoever
 * needs them looks from time to time.
 *
 * Source: https://www.postgresql.org/docs/current/sql-notify.html
 */
@Injectable()
export class ViewNews implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log = new Logger(ViewNews.name);
  readonly #afterCommit: AfterCommit<string>;
  readonly #stop = new AbortController();
  readonly #untold = new Set<string>();
  #due = new AbortController();
  #listener: (news: News) => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    dataSource: DataSource,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {
    this.#afterCommit = new AfterCommit(dataSource, (ids) => this.#committed(ids));
  }

  /** @param listener told of the news of all replicas */
  listen(listener: (news: News) => void): void {
    this.#listener = listener;
  }

  /**
   * Says that the view of an order or a file changes with the commit of this transaction.
   *
   * @throws NotInTransaction
   */
  changed(tx: EntityManager, id: string): void {
    this.#afterCommit.mark(openTransactionOf(tx, 'changed'), id);
  }

  onApplicationBootstrap(): void {
    this.#running = this.#run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #committed(ids: readonly string[]): void {
    // One more than a payload holds stands for all of them, while there is no connection to tell them on.
    for (const id of ids) if (this.#untold.size <= MOST_IDS) this.#untold.add(id);
    this.#due.abort();
    this.#listener(new Set(ids));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let told = false;
    while (!signal.aborted) {
      const client = new ImpatientClient({
        connectionString: this.config.WARREN_DATABASE_URL,
        application_name: 'gateway news',
        connectionTimeoutMillis: 5_000,
        query_timeout: 10_000,
        keepAlive: true,
      });
      try {
        await this.#serve(client, signal, () => {
          if (told) this.#log.log('changes are heard of again at once');
          told = false;
        });
      } catch (error) {
        if (!told) {
          this.#log.warn(`changes at other replicas are only found by looking: ${(error as Error).message}`);
        }
        told = true;
        await pause(RECONNECT_MS, signal);
      } finally {
        await client.end().catch(() => undefined); // the connection failed already
      }
    }
  }

  /** Listens and tells on one connection until it is lost, which throws, or the process stops. */
  async #serve(client: ImpatientClient, stop: AbortSignal, onListening: () => void): Promise<void> {
    const lost = new AbortController();
    client.on('error', (error) => lost.abort(error));
    client.on('end', () => lost.abort(new Error('the connection was closed')));
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    client.on('notification', ({ processId, payload = '' }) => {
      if (processId !== rows[0]!.pid)
        this.#listener(payload === ANYTHING ? 'anything' : new Set(payload.split(',')));
    });
    await client.query(`LISTEN ${CHANNEL}`);
    onListening();
    // Of what was told before, nothing was heard.
    this.#listener('anything');
    while (!stop.aborted) {
      if (this.#untold.size === 0) {
        this.#due = new AbortController();
        await pause(CHECK_MS, AbortSignal.any([stop, lost.signal, this.#due.signal]));
        if (this.#due.signal.aborted) await pause(COALESCE_MS, stop);
      }
      lost.signal.throwIfAborted();
      await this.#tell(client);
    }
  }

  async #tell(client: ImpatientClient): Promise<void> {
    if (this.#untold.size === 0) {
      await client.query('SELECT 1');
      return;
    }
    const payload = this.#untold.size > MOST_IDS ? ANYTHING : [...this.#untold].join();
    this.#untold.clear();
    await client.query('SELECT pg_notify($1, $2)', [CHANNEL, payload]);
  }
}

/** Resolves after `ms`, or when `signal` is aborted, the only thing by which it could fail. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
