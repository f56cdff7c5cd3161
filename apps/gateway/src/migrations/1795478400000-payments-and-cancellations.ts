import type { MigrationInterface, QueryRunner } from 'typeorm';

export class PaymentsAndCancellations1795478400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The gateway notes more than one thing of an order without a version (0): that it was accepted, and that its
    // cancellation was requested.
    await runner.query(`
      ALTER TABLE order_history
        DROP CONSTRAINT order_history_pkey,
        ADD PRIMARY KEY (order_id, version, type),
        ADD COLUMN reason text`);
    await runner.query(`COMMENT ON COLUMN order_views.version IS 'of the state in this row'`);

    await runner.query(`
      CREATE TABLE payment_callbacks (
        id text PRIMARY KEY,
        taken_at timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX payment_callbacks_age ON payment_callbacks USING brin (taken_at)`);

    // The requests that told of them, each only as long as its signature is accepted.
    await runner.query(`
      CREATE TABLE payment_callback_requests (
        digest bytea PRIMARY KEY,
        sent_at timestamptz NOT NULL
      )`);
    await runner.query(
      `CREATE INDEX payment_callback_requests_age ON payment_callback_requests USING brin (sent_at)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE payment_callbacks, payment_callback_requests`);
    await runner.query(`COMMENT ON COLUMN order_views.version IS NULL`);
    await runner.query(`DELETE FROM order_history WHERE type = 'order.cancellation-requested'`);
    await runner.query(`
      ALTER TABLE order_history
        DROP CONSTRAINT order_history_pkey,
        ADD PRIMARY KEY (order_id, version),
        DROP COLUMN reason`);
  }
}
