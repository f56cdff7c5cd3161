import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A change of an order writes no index: see "Storage" in docs/orders.md. */
export class OrdersChangeInPlace1795478400100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // PostgreSQL writes a new version of a row beside the old one, without a word to any index, when no column changes
    // that an index knows of, the condition of a partial index included, and when there is room in the page. These two
    // columns never change: a tombstone is what was neither placed nor rejected.
    await runner.query(`DROP INDEX orders_tombstones`);
    await runner.query(
      `CREATE INDEX orders_tombstones ON orders (accepted_at) WHERE placed_at IS NULL AND rejected_at IS NULL`,
    );
    await runner.query(`ALTER TABLE orders SET (fillfactor = 70)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE orders RESET (fillfactor)`);
    await runner.query(`DROP INDEX orders_tombstones`);
    await runner.query(`CREATE INDEX orders_tombstones ON orders (accepted_at) WHERE status = 'tombstone'`);
  }
}
