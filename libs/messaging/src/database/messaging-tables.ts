import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The tables of the library, made in the schema of the service that uses it.
 *
 * They are private: their columns may change with any version of the library.
 */
export class MessagingTables1764000000000 implements MigrationInterface {
  readonly name = 'MessagingTables1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    // seq is drawn while the aggregate's row is locked, so that for one aggregate its order is the order of commits.
    await runner.query(`
      CREATE TABLE outbox (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL,
        aggregate text NOT NULL,
        exchange text NOT NULL,
        routing_key text NOT NULL,
        must_be_routed boolean NOT NULL,
        body text NOT NULL,
        headers jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        failures integer NOT NULL DEFAULT 0,
        held_until timestamptz,
        last_error text
      ) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000)`);
    await runner.query(
      `CREATE INDEX outbox_held ON outbox (held_until) INCLUDE (aggregate) WHERE held_until IS NOT NULL`,
    );

    await runner.query(`
      CREATE TABLE inbox (
        message_id uuid NOT NULL,
        consumer text NOT NULL,
        handled_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (message_id, consumer)
      ) PARTITION BY RANGE (message_id)`);
    // Ids that are not UUIDv7 or lie outside of the partitions; such ids are unique only with their source.
    await runner.query(`
      CREATE TABLE inbox_other (
        consumer text NOT NULL,
        source text NOT NULL,
        message_id text NOT NULL,
        handled_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, source, message_id)
      )`);
    // Redeliveries that were begun and not ended: what stays here ended with its process.
    await runner.query(`
      CREATE TABLE redeliveries_begun (
        consumer text NOT NULL,
        source text NOT NULL,
        message_id text NOT NULL,
        times integer NOT NULL,
        last_at timestamptz NOT NULL,
        PRIMARY KEY (consumer, source, message_id)
      )`);
    await runner.query(`CREATE INDEX inbox_other_age ON inbox_other (handled_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE outbox, inbox, inbox_other, redeliveries_begun`);
  }
}
