import { escapeLiteral } from 'pg';
import type { DataSource } from 'typeorm';
import type { MessagingLogger } from '../logger.ts';
import type { Relay } from './relay.ts';
import { notifyChannel } from './relay-lease.ts';

const COALESCE_MS = 20;

/**
 * Wakes the relay after a commit: in this process directly, in another by one `NOTIFY` for all commits of the last
 * moment. It is sent outside of the business transaction, where it would take a database-wide lock at commit.
 *
 * Source: https://www.postgresql.org/docs/current/sql-notify.html
 */
export class WakeUp {
  readonly #dataSource: DataSource;
  readonly #relay: Relay;
  readonly #channel: string;
  readonly #logger: MessagingLogger;
  #scheduled: NodeJS.Timeout | undefined;

  constructor(dataSource: DataSource, relay: Relay, schema: string, logger: MessagingLogger) {
    this.#dataSource = dataSource;
    this.#relay = relay;
    this.#channel = notifyChannel(schema);
    this.#logger = logger;
  }

  committed(): void {
    this.#relay.wake();
    if (this.#relay.active) return;
    this.#scheduled ??= setTimeout(() => {
      this.#scheduled = undefined;
      this.#dataSource
        .query(`SELECT pg_notify(${escapeLiteral(this.#channel)}, '')`)
        .catch((error: Error) => {
          this.#logger.warn(`the relay of another replica could not be woken, it polls: ${error.message}`);
        });
    }, COALESCE_MS);
  }

  stop(): void {
    clearTimeout(this.#scheduled);
  }
}
