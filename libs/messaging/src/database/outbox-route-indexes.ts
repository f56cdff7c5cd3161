import type { MigrationInterface, QueryRunner } from 'typeorm';

/** By these the relay goes around rows that can't be published, however many there are. */
export class OutboxRouteIndexes1764000000200 implements MigrationInterface {
  readonly name = 'OutboxRouteIndexes1764000000200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX outbox_by_route ON outbox (exchange, routing_key, seq) WHERE held_until IS NULL`,
    );
    await runner.query(`CREATE INDEX outbox_by_aggregate ON outbox (aggregate, seq)`);
    await runner.query(`DROP INDEX outbox_held`);
    await runner.query(
      `CREATE INDEX outbox_held ON outbox (exchange, routing_key, held_until) WHERE held_until IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX outbox_by_route, outbox_by_aggregate, outbox_held`);
    await runner.query(
      `CREATE INDEX outbox_held ON outbox (held_until) INCLUDE (aggregate) WHERE held_until IS NOT NULL`,
    );
  }
}
