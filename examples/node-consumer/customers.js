/** Customers and how their orders went, in an SQLite database. A message counts once, however often it is delivered. */
import { DatabaseSync } from 'node:sqlite';

/** Warren may send a message again for 30 days after it was made; what is remembered for longer can't count twice. */
const REMEMBERED_MS = 35 * 24 * 3_600_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS handled (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    handled_at INTEGER NOT NULL,
    PRIMARY KEY (source, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS handled_by_time ON handled (handled_at);
  -- Orders and sign-ups come from different exchanges, in any order: either makes the row.
  CREATE TABLE IF NOT EXISTS customers (
    id TEXT PRIMARY KEY,
    registered_at TEXT,
    confirmed INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0
  );
  -- What an order was last: never an older version over a newer one.
  CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    last_type TEXT NOT NULL,
    sequence TEXT NOT NULL
  );
`;

const COUNT = {
  'order.confirmed.v1': `INSERT INTO customers (id, confirmed) VALUES (?, 1)
    ON CONFLICT DO UPDATE SET confirmed = confirmed + 1`,
  'order.rejected.v1': `INSERT INTO customers (id, rejected) VALUES (?, 1)
    ON CONFLICT DO UPDATE SET rejected = rejected + 1`,
};

export class Customers {
  #db;

  constructor(path) {
    this.#db = new DatabaseSync(path, { timeout: 5_000 });
    this.#db.exec(SCHEMA);
  }

  /**
   * What a message tells. Its key and its effect are committed together: neither is there without the other.
   *
   * @returns {boolean} false when the message had its effect before
   */
  record(envelope) {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const isNew = this.#claim(envelope);
      if (isNew) this.#apply(envelope);
      this.#db.exec('COMMIT');
      return isNew;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #claim({ source, id }) {
    const now = Date.now();
    this.#run('DELETE FROM handled WHERE handled_at < ?', now - REMEMBERED_MS);
    const sql = 'INSERT INTO handled (source, id, handled_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
    return this.#run(sql, source, id, now).changes === 1;
  }

  #apply({ type, sequence, data }) {
    if (type === 'user.registered.v1') {
      this.#run(
        `INSERT INTO customers (id, registered_at) VALUES (?, ?)
          ON CONFLICT DO UPDATE SET registered_at = excluded.registered_at`,
        data.userId,
        data.registeredAt,
      );
      return;
    }
    if (type in COUNT) this.#run(COUNT[type], data.customerId);
    this.#run(
      `INSERT INTO orders (id, customer_id, last_type, sequence) VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET last_type = excluded.last_type, sequence = excluded.sequence
          WHERE excluded.sequence > orders.sequence`,
      data.orderId,
      data.customerId,
      type,
      sequence,
    );
  }

  #run(sql, ...values) {
    return this.#db.prepare(sql).run(...values);
  }

  report() {
    return {
      customers: this.#db
        .prepare('SELECT id, registered_at AS registeredAt, confirmed, rejected FROM customers ORDER BY id')
        .all(),
      orders: this.#db
        .prepare('SELECT id, customer_id AS customerId, last_type AS lastType FROM orders ORDER BY id')
        .all(),
    };
  }

  close() {
    this.#db.close();
  }
}
