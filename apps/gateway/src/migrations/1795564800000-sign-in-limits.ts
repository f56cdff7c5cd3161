import type { MigrationInterface, QueryRunner } from 'typeorm';

export class SignInLimits1795564800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Nobody outside can find two addresses that share a counter: the salt is made here and stays here.
    await runner.query(`
      CREATE TABLE sign_in_salt (
        is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
        salt bytea NOT NULL
      )`);
    await runner.query(`
      INSERT INTO sign_in_salt (salt)
      VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))`);

    // Counters, not attempts: however many addresses are tried, there are 2^20 of each scope at most.
    await runner.query(`
      CREATE TABLE failed_sign_ins (
        scope text CHECK (scope IN ('account', 'network')),
        bucket integer CHECK (bucket BETWEEN 0 AND 1048575),
        failures smallint NOT NULL,
        until timestamptz NOT NULL,
        PRIMARY KEY (scope, bucket)
      )`);
    await runner.query(`CREATE INDEX failed_sign_ins_until ON failed_sign_ins (until)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE failed_sign_ins, sign_in_salt`);
  }
}
