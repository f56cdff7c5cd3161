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

const COLUMNS = `seq, id, aggregate, exchange, routing_key AS "routingKey", must_be_routed AS "mustBeRouted",
                 body, headers, failures`;

/** The relay's statements, on the connection that holds its lock: whoever lost the lock can't run them. */
export class OutboxStore {
  readonly #client: Client;
  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * The oldest rows that were never refused, without those of aggregates that a kept row holds up.
   *
   * No row is skipped by position: rows commit in another order than that of their numbers.
   *
   * @param aside `<exchange>/<routing key>` of what can't be published at the moment
   */
  async next(limit: number, aside: readonly string[], anyHeld: boolean): Promise<OutboxRow[]> {
    // NOT IN, because it is hashed once; an anti-join is planned as a nested loop where few rows are thought held.
    const unheld = anyHeld
      ? 'AND aggregate NOT IN (SELECT aggregate FROM outbox WHERE held_until IS NOT NULL)'
      : '';
    const { rows } = await this.#client.query<OutboxRow>({
      name: anyHeld ? 'outbox-next-unheld' : 'outbox-next',
      text: `SELECT ${COLUMNS} FROM outbox
             WHERE (exchange || '/' || routing_key) <> ALL ($2) AND held_until IS NULL ${unheld}
             ORDER BY seq LIMIT $1`,
      values: [limit, aside],
    });
    return rows;
  }

  /** Kept rows whose time has come, the longest waiting first. Each is the first of its aggregate. */
  async dueAgain(limit: number, aside: readonly string[]): Promise<OutboxRow[]> {
    const { rows } = await this.#client.query<OutboxRow>({
      name: 'outbox-due-again',
      text: `SELECT ${COLUMNS} FROM outbox
             WHERE held_until <= now() AND (exchange || '/' || routing_key) <> ALL ($2)
             ORDER BY held_until LIMIT $1`,
      values: [limit, aside],
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

  /** Keeps rows that could not be published, each with its error, until its next attempt. */
  async hold(rows: readonly { seq: string; delayMs: number; error: string }[]): Promise<void> {
    await this.#client.query({
      name: 'outbox-hold',
      text: `UPDATE outbox o SET failures = failures + 1, last_error = h.error,
                    held_until = now() + h.delay * interval '1 millisecond'
             FROM unnest($1::bigint[], $2::int[], $3::text[]) AS h (seq, delay, error) WHERE o.seq = h.seq`,
      values: [
        rows.map(({ seq }) => seq),
        rows.map(({ delayMs }) => Math.round(delayMs)),
        rows.map(({ error }) => error.slice(0, 2_000)),
      ],
    });
  }

  /** Something to do on the connection, so that the server hears of the relay. */
  async sayAlive(): Promise<void> {
    await this.#client.query('SELECT 1');
  }

  async anyHeld(): Promise<boolean> {
    const { rows } = await this.#client.query<{ held: boolean }>(
      'SELECT EXISTS (SELECT 1 FROM outbox WHERE held_until IS NOT NULL) AS held',
    );
    return rows[0]!.held;
  }
}
