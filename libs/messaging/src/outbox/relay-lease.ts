import { escapeIdentifier, type Client, type ClientConfig } from 'pg';
import { ImpatientClient } from '../database/impatient-client.ts';
import type { MessagingLogger } from '../logger.ts';
import { pause } from '../timing.ts';

export interface LeaseOptions {
  clientConfig: ClientConfig;
  schema: string;
  logger: MessagingLogger;
  /** Called when somebody says that there is something to publish. */
  onNotify(): void;
}

/** Channel of the coalesced `NOTIFY` by which a replica wakes the relay of another. */
export function notifyChannel(schema: string): string {
  return `warren_outbox_${schema}`;
}

const STANDBY_INTERVAL_MS = 2_000;

/**
 * The right to relay: a session-level advisory lock on a connection of its own. It ends with the connection, so a
 * process that dies or is cut off frees it, and another replica has it within seconds.
 *
 * Source: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 */
export class RelayLease {
  readonly #options: LeaseOptions;
  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /**
   * Waits until the lock is ours.
   *
   * @returns the connection that holds it, or undefined when `signal` ended the wait first
   */
  async acquire(signal: AbortSignal): Promise<Client | undefined> {
    const { logger, schema } = this.#options;
    let told = false;
    while (!signal.aborted) {
      const client = new ImpatientClient(this.#options.clientConfig);
      // Without a listener a lost connection would end the process; the next statement on it fails and tells.
      client.on('error', () => undefined);
      try {
        await client.connect();
        while (!signal.aborted) {
          if (await this.#tryLock(client)) {
            client.on('notification', () => this.#options.onNotify());
            await client.query(`LISTEN ${escapeIdentifier(notifyChannel(schema))}`);
            return client;
          }
          if (!told) logger.log('another replica relays the outbox; this one stands by');
          told = true;
          await pause(STANDBY_INTERVAL_MS, signal);
        }
        await client.end();
      } catch (error) {
        logger.warn(`the outbox can't be relayed, trying again: ${(error as Error).message}`);
        await client.end().catch(() => undefined); // the connection failed already
        await pause(STANDBY_INTERVAL_MS, signal);
      }
    }
    return undefined;
  }

  async #tryLock(client: Client): Promise<boolean> {
    const { rows } = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(hashtext('warren.outbox'), hashtext($1)) AS locked`,
      [this.#options.schema],
    );
    return rows[0]!.locked;
  }
}
