import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Orders wait for their payment, are cancelled and refunded. */
export class OrderProcess1795478400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // A cancellation that overtook its order is a row of its order's id, so that the primary key decides between the
    // two, whichever commits first.
    await runner.query(`
      ALTER TABLE orders
        DROP CONSTRAINT orders_status_check,
        DROP CONSTRAINT orders_version_check,
        DROP CONSTRAINT orders_check,
        DROP CONSTRAINT orders_check1,
        DROP CONSTRAINT orders_check2,
        ADD COLUMN payment_id text,
        ADD COLUMN payment_requested_at timestamptz,
        ADD COLUMN pay_before timestamptz,
        ADD COLUMN cancelled_at timestamptz,
        ADD COLUMN cancellation_reason text,
        ADD COLUMN cancellation_refused_at timestamptz,
        ADD COLUMN refund_payment_id text,
        ADD COLUMN refund_due_at timestamptz,
        ADD COLUMN refunded_at timestamptz,
        ADD CONSTRAINT orders_status CHECK (
          status IN ('placed', 'awaiting-payment', 'confirmed', 'rejected', 'cancelled', 'tombstone')),
        ADD CONSTRAINT orders_version CHECK (CASE status WHEN 'tombstone' THEN version = 0 ELSE version >= 1 END),
        ADD CONSTRAINT orders_rejection CHECK (
          (status = 'rejected') = (num_nonnulls(rejection_reason, rejection_sku, rejected_at) = 3)),
        ADD CONSTRAINT orders_price CHECK (
          (status NOT IN ('rejected', 'tombstone')) = (num_nonnulls(total, currency, placed_at) = 3)),
        ADD CONSTRAINT orders_payment CHECK (
          CASE num_nonnulls(payment_id, payment_requested_at, pay_before)
            WHEN 0 THEN status <> 'awaiting-payment'
            WHEN 3 THEN status IN ('awaiting-payment', 'confirmed', 'cancelled')
            ELSE false
          END),
        ADD CONSTRAINT orders_confirmation CHECK ((status = 'confirmed') = (confirmed_at IS NOT NULL)),
        ADD CONSTRAINT orders_cancellation CHECK (
          (status = 'cancelled') = (cancelled_at IS NOT NULL)
          AND (status = 'cancelled') = (cancellation_reason IS NOT NULL)),
        ADD CONSTRAINT orders_cancellation_reason CHECK (
          cancellation_reason IN ('payment-declined', 'payment-expired', 'customer')),
        ADD CONSTRAINT orders_refusal CHECK (cancellation_refused_at IS NULL OR status = 'confirmed'),
        ADD CONSTRAINT orders_refund CHECK (
          num_nonnulls(refund_payment_id, refund_due_at) IN (0, 2)
          AND (refund_due_at IS NULL OR status = 'cancelled')
          AND (refunded_at IS NULL OR refund_due_at IS NOT NULL))`);

    // Apart from the orders, so that a secret can be deleted without a trace in the row that stays. The row goes when
    // the order leaves the state "placed".
    await runner.query(`
      CREATE TABLE payment_tokens (
        order_id uuid PRIMARY KEY,
        token text NOT NULL
      )`);

    // Of orders that never came only: an order that comes takes its tombstone away.
    await runner.query(`CREATE INDEX orders_tombstones ON orders (accepted_at) WHERE status = 'tombstone'`);
  }

  /** Not possible while an order waits for its payment or was cancelled: the former states have no words for that. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE payment_tokens');
    await runner.query('DROP INDEX orders_tombstones');
    await runner.query(`DELETE FROM orders WHERE status = 'tombstone'`);
    await runner.query(`
      ALTER TABLE orders
        DROP COLUMN payment_id, DROP COLUMN payment_requested_at, DROP COLUMN pay_before, DROP COLUMN cancelled_at,
        DROP COLUMN cancellation_reason, DROP COLUMN cancellation_refused_at, DROP COLUMN refund_payment_id,
        DROP COLUMN refund_due_at, DROP COLUMN refunded_at,
        DROP CONSTRAINT orders_status, DROP CONSTRAINT orders_version, DROP CONSTRAINT orders_rejection,
        DROP CONSTRAINT orders_price, DROP CONSTRAINT orders_confirmation,
        ADD CONSTRAINT orders_status_check CHECK (status IN ('placed', 'confirmed', 'rejected')),
        ADD CONSTRAINT orders_version_check CHECK (version >= 1),
        ADD CONSTRAINT orders_check CHECK (
          (status = 'rejected') = (rejection_reason IS NOT NULL AND rejection_sku IS NOT NULL
                                   AND rejected_at IS NOT NULL)),
        ADD CONSTRAINT orders_check1 CHECK (
          (status <> 'rejected') = (total IS NOT NULL AND currency IS NOT NULL AND placed_at IS NOT NULL)),
        ADD CONSTRAINT orders_check2 CHECK ((status = 'confirmed') = (confirmed_at IS NOT NULL))`);
  }
}
