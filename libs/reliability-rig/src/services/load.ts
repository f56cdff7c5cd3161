import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { isDatabaseAway, Outbox } from '@warren/messaging';
import { SERVICE_CONFIG, type ServiceConfig } from '@warren/service';
import { DataSource } from 'typeorm';
import { CountItemV1, ItemChangedV1, type Behaviour } from './contracts.ts';
import type { environment } from './producer.ts';

/**
 * Raises the version of any item that has not reached its target. The lock is held by every transaction of the load;
 * who takes it alone holds the load up between two transactions.
 */
const NEXT_VERSION = `
  UPDATE items SET version = version + 1
  WHERE id = (SELECT id FROM items WHERE version < target ORDER BY random() LIMIT 1) AND version < target
    AND (SELECT pg_try_advisory_xact_lock_shared(7, 7))
  RETURNING id, version`;
const WORKERS = 16;
const IDLE_MS = 200;
const LOOK_INTERVAL_MS = 200;
const AWAY_MS = 100;

/** A transaction that is rolled back after its append: its message must never be seen. */
class Regretted extends Error {}

/**
 * Appends messages until every item has the version that the rig wants it to have. It runs no further ahead of the
 * confirmations than it is told, so that there is load as long as faults are made.
 */
@Injectable()
export class Load implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stopping = new AbortController();
  #workers: Promise<void[]> | undefined;
  #isAhead = false;
  #lookedAt = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
    @Inject(SERVICE_CONFIG) private readonly config: ServiceConfig<typeof environment>,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { RIG_MESSAGES, RIG_ITEMS } = this.config;
    await this.dataSource.query(
      `INSERT INTO items SELECT 'item-' || n, 0, $1::int / $2::int + (n <= $1::int % $2::int)::int
       FROM generate_series(1, $2::int) AS n ON CONFLICT DO NOTHING`,
      [RIG_MESSAGES, RIG_ITEMS],
    );
    this.#workers = Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#workers;
  }

  async #work(): Promise<void> {
    const { signal } = this.#stopping;
    const periodMs = (WORKERS * 1_000) / this.config.RIG_RATE;
    let due = performance.now() + Math.random() * periodMs;
    while (!signal.aborted) {
      const wait = await this.#appendOne();
      // What could not be appended in time is not made up for.
      due = Math.max(due + periodMs, performance.now() + (wait ?? 0));
      await delay(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Dead letters are never confirmed, so they don't count. */
  async #look(): Promise<void> {
    if (performance.now() - this.#lookedAt < LOOK_INTERVAL_MS) return;
    this.#lookedAt = performance.now();
    const [row] = (await this.dataSource.query(
      `SELECT ((SELECT count(*) FROM ledger WHERE behaviour NOT IN ('exhausts', 'gives-up'))
             - (SELECT count(*) FROM confirmations))::int AS ahead`,
    )) as { ahead: number }[];
    this.#isAhead = row!.ahead >= this.config.RIG_AHEAD;
  }

  /** @returns how long to wait before the next, in milliseconds; undefined after a message */
  async #appendOne(): Promise<number | undefined> {
    try {
      await this.#look();
      if (this.#isAhead) return IDLE_MS / 4;
      return await this.dataSource.transaction(async (tx) => {
        const [[item]] = (await tx.query(NEXT_VERSION)) as [{ id: string; version: number }[], number];
        if (!item) return IDLE_MS;
        const isCommand = Math.random() * 100 < this.config.RIG_COMMAND_PERCENT;
        const behaviour = chooseBehaviour(item);
        const id = await this.outbox.append(tx, isCommand ? CountItemV1 : ItemChangedV1, {
          subject: item.id,
          sequence: item.version,
          data: { behaviour },
        });
        if (Math.random() < 0.03) throw new Regretted();
        await tx.query('INSERT INTO ledger VALUES ($1, $2, $3, $4, $5)', [
          id,
          item.id,
          item.version,
          isCommand ? 'command' : 'event',
          behaviour,
        ]);
        return undefined;
      });
    } catch (error) {
      if (error instanceof Regretted) return undefined;
      if (isDatabaseAway(error)) return AWAY_MS;
      throw error;
    }
  }
}

/**
 * Of ten messages of an item one fails in some way, as the rig needs retries and dead letters too. Not by chance, so
 * that also a small load has its share of each.
 */
function chooseBehaviour({ id, version }: { id: string; version: number }): Behaviour {
  const item = Number(id.slice(id.lastIndexOf('-') + 1));
  if ((item + version) % 10 !== 0) return 'plain';
  const kind = (item + Math.floor((item + version) / 10)) % 10;
  if (kind < 6) return 'fails-once';
  if (kind < 8) return 'fails-twice';
  return kind === 8 ? 'exhausts' : 'gives-up';
}
