import { readFile } from 'node:fs/promises';
import { eventually } from '@warren/testing';
import { Client } from 'pg';
import { DataSource, type Logger } from 'typeorm';
import { OrderServiceRig } from './order-service-rig.ts';

/** Enough for the planner to go by an index wherever there is one that fits. `npm run bench -- plans` takes a million. */
const ORDERS = 20_000;
const FEW_ROWS = 1_000;
/** Of the rows of orders, on all paths: 2 to confirm, 1 too late to cancel, 1 for each of 4 others, 2 for a refund. */
const CHANGES = 9;
const TRANSACTION = /^(BEGIN|START|COMMIT|ROLLBACK|SET)\b/i;

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** Every statement that the service sends through its pool, with the parameters of its first use. */
class SentStatements implements Logger {
  readonly all = new Map<string, unknown[]>();

  logQuery(query: string, parameters: unknown[] = []): void {
    if (!TRANSACTION.test(query.trim()) && !this.all.has(query)) this.all.set(query, parameters);
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}

describe('statements on the way of an order', () => {
  let rig: OrderServiceRig;
  let db: Client;
  const sent = new SentStatements();

  beforeAll(async () => {
    rig = await OrderServiceRig.start();
    db = new Client({ connectionString: rig.database.url, options: '-c search_path=order_service' });
    await db.connect();
    await db.query(`SELECT set_config('warren.orders', $1, false)`, [String(ORDERS)]);
    await db.query(await readFile(new URL('./many-orders.sql', import.meta.url), 'utf8'));
    await db.query('VACUUM (ANALYZE)');
    rig.service.app.get(DataSource).logger = sent;
    await takeAllPaths();
  }, 120_000);

  afterAll(async () => {
    await db.end();
    await rig.stop();
  });

  async function waiting(): Promise<{ orderId: string; customerId: string }> {
    const { rows } = await db.query<{ orderId: string; customerId: string; amount: string }>(
      `SELECT id AS "orderId", customer_id AS "customerId", total AS amount FROM orders
        WHERE status = 'awaiting-payment' ORDER BY random() LIMIT 1`,
    );
    return rows[0]!;
  }

  async function decide(outcome: 'approved' | 'declined', status: string): Promise<string> {
    const { rows } = await db.query<{ id: string; total: string }>(
      'SELECT id, total FROM orders WHERE status = $1 ORDER BY random() LIMIT 1',
      [status],
    );
    const { id, total } = rows[0]!;
    await rig.decide(id, outcome, { amount: { amount: Number(total), currency: 'EUR' } });
    return id;
  }

  async function takeAllPaths(): Promise<void> {
    const lines = [
      { sku: 'SKU-TEAPOT', quantity: 2 },
      { sku: 'SKU-TRAY', quantity: 1 },
    ];
    const [ok, rejected, early] = [
      rig.command(lines, 'tok_ok'),
      rig.command([{ sku: 'SKU-SOLD-OUT', quantity: 1 }]),
      rig.command(lines, 'tok_never'),
    ];
    await rig.send(ok, rejected);
    await rig.heard(ok.orderId, 'order.confirmed.v1');
    await rig.heard(rejected.orderId, 'order.rejected.v1');
    await rig.until(1, 'done', () => rig.cancel(ok));
    await rig.until(1, 'done', () => rig.cancel(early));
    await rig.send(early);
    await rig.heard(early.orderId, 'order.cancelled.v1');

    const declined = await decide('declined', 'awaiting-payment');
    await rig.heard(declined, 'order.cancelled.v1');
    const cancelled = await waiting();
    await rig.cancel(cancelled);
    await rig.heard(cancelled.orderId, 'order.cancelled.v1');
    await rig.decide(cancelled.orderId, 'approved', { amount: await totalOf(cancelled.orderId) });
    await rig.heard(cancelled.orderId, 'order.payment-refunded.v1');
    const expired = await waiting();
    await db.query('UPDATE scheduled_messages SET due_at = now() WHERE key = $1', [
      `order:${expired.orderId}:deadline`,
    ]);
    await rig.heard(expired.orderId, 'order.cancelled.v1');

    await db.query(`UPDATE recurring_jobs SET next_run_at = now() WHERE name = 'orders.remove-tombstones'`);
    await eventually(
      async () => {
        const { rows } = await db.query(
          `SELECT 1 FROM recurring_jobs WHERE name = 'orders.remove-tombstones' AND last_success_at IS NOT NULL`,
        );
        if (rows.length === 0) throw new Error('the tombstones were not removed');
      },
      { timeoutMs: 30_000 },
    );
  }

  async function totalOf(orderId: string): Promise<{ amount: number; currency: string }> {
    const { rows } = await db.query<{ total: string }>('SELECT total FROM orders WHERE id = $1', [orderId]);
    return { amount: Number(rows[0]!.total), currency: 'EUR' };
  }

  async function plan(explain: string, values?: unknown[]): Promise<PlanNode> {
    const { rows } = await db.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(explain, values);
    return rows[0]!['QUERY PLAN'][0].Plan;
  }

  function* tablesReadWhole(node: PlanNode): Generator<string> {
    if (node['Node Type'] === 'Seq Scan') yield node['Relation Name']!;
    for (const child of node.Plans ?? []) yield* tablesReadWhole(child);
  }

  async function largeTables(): Promise<Set<string>> {
    const { rows } = await db.query<{ relname: string }>(
      `SELECT relname FROM pg_class WHERE relnamespace = 'order_service'::regnamespace AND reltuples > $1`,
      [FEW_ROWS],
    );
    return new Set(rows.map(({ relname }) => relname));
  }

  it('never read a large table from end to end, planned for their parameters or for any', async () => {
    const large = await largeTables();
    expect([...large]).toEqual(expect.arrayContaining(['orders', 'order_lines']));
    const statements = [...sent.all].filter(([text]) => !text.includes('AS bounded'));
    const bad: string[] = [];
    for (const [text, values] of statements) {
      const plans = [
        await plan(`EXPLAIN (FORMAT JSON) ${text}`, values),
        await plan(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`),
      ];
      const read = plans.flatMap((one) => [...tablesReadWhole(one)]).filter((table) => large.has(table));
      if (read.length > 0) bad.push(`${[...new Set(read)].join(', ')}: ${text}`);
    }
    expect(bad).toEqual([]);
    const all = statements.map(([text]) => text).join('\n');
    for (const table of ['orders', 'order_lines', 'payment_tokens', 'stock', 'scheduled_messages', 'inbox']) {
      expect(all).toContain(` ${table}`);
    }
    expect(all).toContain('refund_payment_id');
    expect(all).toContain('SKIP LOCKED');
  });

  it('write no index when an order goes from one state to the next', async () => {
    const changes = await eventually(
      async () => {
        const { rows } = await db.query<{ all: number; inPlace: number }>(
          `SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS "inPlace" FROM pg_stat_user_tables
            WHERE schemaname = 'order_service' AND relname = 'orders'`,
        );
        // A session tells of what it did a little later.
        if (rows[0]!.all < CHANGES) throw new Error(`${rows[0]!.all} changes are known of ${CHANGES}`);
        return rows[0]!;
      },
      { timeoutMs: 30_000 },
    );
    expect(changes).toEqual({ all: CHANGES, inPlace: CHANGES });
  });
});
