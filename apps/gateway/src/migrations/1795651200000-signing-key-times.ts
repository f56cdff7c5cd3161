import type { MigrationInterface, QueryRunner } from 'typeorm';

export class SigningKeyTimes1795651200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE signing_keys
        ADD COLUMN signs_from timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN token_seconds integer NOT NULL DEFAULT 0`);
    // How long their tokens are valid nobody wrote down: 30 days are the most that could be set.
    await runner.query(`UPDATE signing_keys SET signs_from = created_at, token_seconds = 2592000`);
    await runner.query(
      `COMMENT ON COLUMN signing_keys.token_seconds IS 'longest lifetime of a token that it may have signed'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE signing_keys DROP COLUMN signs_from, DROP COLUMN token_seconds`);
  }
}
