import type { Client } from 'pg';

/** A message that waits to be published. */
export interface OutboxRow {
  seq: string;
  id: string;
  aggregate: string;
  exchange: string;
  routingKey: string;
  mustBeRouted: boolean;
  body: string;
  headers: Record<string, string>;
  failures: number;
}

/** The relay's statements, on the connection that holds its lock: whoever lost the lock can't run them. */
export class OutboxStore {
  readonly #client: Client;
  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * The oldest rows, without those of aggregates that a kept row holds up and of exchanges that can't be used.
   *
   * No row is skipped by position: rows commit in another order than that of their numbers.
   */
  async next(limit: number, unusableExchanges: readonly string[], anyHeld: boolean): Promise<OutboxRow[]> {
    const held = anyHeld
      ? `AND NOT EXISTS (SELECT 1 FROM outbox h WHERE h.aggregate = o.aggregate AND h.held_until > now())`
      : '';
    const { rows } = await this.#client.query<OutboxRow>({
      name: anyHeld ? 'outbox-next-unheld' : 'outbox-next',
      text: `SELECT seq, id, aggregate, exchange, routing_key AS "routingKey", must_be_routed AS "mustBeRouted",
                    body, headers, failures
             FROM outbox o WHERE exchange <> ALL ($2) ${held} ORDER BY seq LIMIT $1`,
      values: [limit, unusableExchanges],
    });
    return rows;
  }

  async remove(seqs: readonly string[]): Promise<void> {
    await this.#client.query({
      name: 'outbox-remove',
      text: 'DELETE FROM outbox WHERE seq = ANY ($1::bigint[])',
      values: [seqs],
    });
  }

  /** Keeps a row that could not be published, with its error, until its next attempt. */
  async hold(seq: string, delayMs: number, error: string): Promise<void> {
    await this.#client.query(
      `UPDATE outbox SET failures = failures + 1, last_error = $3,
              held_until = now() + $2 * interval '1 millisecond' WHERE seq = $1`,
      [seq, delayMs, error.slice(0, 2_000)],
    );
  }

  async anyHeld(): Promise<boolean> {
    const { rows } = await this.#client.query<{ held: boolean }>(
      'SELECT EXISTS (SELECT 1 FROM outbox WHERE held_until IS NOT NULL) AS held',
    );
    return rows[0]!.held;
  }
}
