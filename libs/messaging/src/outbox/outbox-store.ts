import type { Client, QueryConfig, QueryResult, QueryResultRow } from 'pg';

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

/**
 * Settings of the relay's connection. The statistics of an outbox that is empty most of the time say that it has a row
 * or two, and a plan for these reads and sorts all that waits, and all that was deleted since the last vacuum, for
 * every batch. Each statement here has an index that gives its rows in their order.
 *
 * Source: https://www.postgresql.org/docs/current/runtime-config-query.html
 */
export const READ_BY_INDEX = ['enable_seqscan=off', 'enable_bitmapscan=off', 'enable_sort=off'];

/** The routes of which there are such rows, found by one look into an index for each: a service has few. */
function routesWhere(condition: string): string {
  return `route AS (
    (SELECT exchange, routing_key FROM outbox WHERE ${condition} ORDER BY exchange, routing_key LIMIT 1)
    UNION ALL
    (SELECT further.exchange, further.routing_key FROM route CROSS JOIN LATERAL (
       SELECT exchange, routing_key FROM outbox o
       WHERE ${condition} AND (o.exchange, o.routing_key) > (route.exchange, route.routing_key)
       ORDER BY exchange, routing_key LIMIT 1) AS further))`;
}

/** The relay's statements, on the connection that holds its lock: whoever lost the lock can't run them. */
export class OutboxStore {
  readonly #client: Client;
  #underWay = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Whether a statement is under way, so that the server hears of the relay anyway. */
  get busy(): boolean {
    return this.#underWay > 0;
  }

  /**
   * The oldest rows that were never refused, where nothing is held and nothing is left alone.
   *
   * No row is skipped by position: rows commit in another order than that of their numbers.
   */
  async next(limit: number): Promise<OutboxRow[]> {
    const { rows } = await this.#query<OutboxRow>({
      name: 'outbox-next',
      text: `SELECT ${COLUMNS} FROM outbox WHERE held_until IS NULL ORDER BY seq LIMIT $1`,
      values: [limit],
    });
    return rows;
  }

  /**
   * As {@link next}, without the routes that are left alone, and without the aggregates that wait for an older row
   * which is held or left alone. What is left out is not read, be it a million rows.
   *
   * @param aside `<exchange>/<routing key>` of what can't be published at the moment
   */
  async nextBeside(limit: number, aside: readonly string[]): Promise<OutboxRow[]> {
    // Not prepared: a plan made for the usual handful of rows would be kept for a million.
    // OFFSET 0 has each row look by itself for what it waits for: as a join, the whole table would be hashed.
    const { rows } = await this.#query<OutboxRow>(
      `WITH RECURSIVE ${routesWhere('held_until IS NULL')}
       SELECT own.* FROM route CROSS JOIN LATERAL (
         SELECT ${COLUMNS} FROM outbox o
         WHERE o.exchange = route.exchange AND o.routing_key = route.routing_key AND o.held_until IS NULL
           AND NOT EXISTS (
             SELECT 1 FROM outbox older WHERE older.aggregate = o.aggregate AND older.seq < o.seq
               AND (older.held_until IS NOT NULL OR (older.exchange || '/' || older.routing_key) = ANY ($2))
             OFFSET 0)
         ORDER BY o.seq LIMIT $1) AS own
       WHERE (route.exchange || '/' || route.routing_key) <> ALL ($2)
       ORDER BY own.seq LIMIT $1`,
      [limit, aside],
    );
    return rows;
  }

  /** Kept rows whose time has come, the longest waiting first. Each is the first of its aggregate. */
  async dueAgain(limit: number, aside: readonly string[]): Promise<OutboxRow[]> {
    const { rows } = await this.#query<OutboxRow>(
      `WITH RECURSIVE ${routesWhere('held_until IS NOT NULL')}
       SELECT own.* FROM route CROSS JOIN LATERAL (
         SELECT ${COLUMNS}, held_until FROM outbox o
         WHERE o.exchange = route.exchange AND o.routing_key = route.routing_key AND o.held_until <= now()
         ORDER BY o.held_until LIMIT $1) AS own
       WHERE (route.exchange || '/' || route.routing_key) <> ALL ($2)
       ORDER BY own.held_until LIMIT $1`,
      [limit, aside],
    );
    return rows;
  }

  async remove(seqs: readonly string[]): Promise<void> {
    await this.#query({
      name: 'outbox-remove',
      text: 'DELETE FROM outbox WHERE seq = ANY ($1::bigint[])',
      values: [seqs],
    });
  }

  /** Keeps rows that could not be published, each with its error, until its next attempt. */
  async hold(rows: readonly { seq: string; delayMs: number; error: string }[]): Promise<void> {
    await this.#query({
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
    await this.#query('SELECT 1');
  }

  async anyHeld(): Promise<boolean> {
    // With an order, so that the index of the held rows is asked: the whole table is never read for a no.
    const { rows } = await this.#query(
      'SELECT 1 FROM outbox WHERE held_until IS NOT NULL ORDER BY exchange, routing_key, held_until LIMIT 1',
    );
    return rows.length > 0;
  }

  async #query<Row extends QueryResultRow>(
    statement: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<Row>> {
    this.#underWay += 1;
    try {
      return await this.#client.query<Row>(statement as string, values);
    } finally {
      this.#underWay -= 1;
    }
  }
}
