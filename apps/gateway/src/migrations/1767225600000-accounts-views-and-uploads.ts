import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AccountsViewsAndUploads1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // email_key is the address as it is compared: one person, one account, however the address is typed.
    await runner.query(`
      CREATE TABLE accounts (
        id uuid PRIMARY KEY,
        email text NOT NULL,
        email_key text NOT NULL UNIQUE,
        display_name text NOT NULL,
        password_hash text NOT NULL,
        created_at timestamptz NOT NULL
      )`);

    await runner.query(`
      CREATE TABLE signing_keys (
        kid text PRIMARY KEY,
        private_jwk jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);

    await runner.query(`
      CREATE TABLE idempotency_keys (
        account_id uuid NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        status smallint NOT NULL,
        headers jsonb NOT NULL,
        body json NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (account_id, key)
      )`);
    // Rows lie in the order of their age, so a few bytes for a range of pages find the old ones, and an insert on
    // the hot path has no second B-tree to keep.
    await runner.query(`CREATE INDEX idempotency_keys_age ON idempotency_keys USING brin (created_at)`);

    await runner.query(`
      CREATE TABLE order_views (
        id uuid PRIMARY KEY,
        customer_id uuid NOT NULL,
        status text NOT NULL,
        reason text,
        lines jsonb NOT NULL,
        total jsonb,
        version bigint NOT NULL
      )`);
    await runner.query(`CREATE INDEX order_views_of_customer ON order_views (customer_id, id DESC)`);

    // No reference to the view: an event may come before the row that it is about.
    await runner.query(`
      CREATE TABLE order_history (
        order_id uuid NOT NULL,
        version bigint NOT NULL,
        type text NOT NULL,
        at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (order_id, version)
      )`);

    await runner.query(`
      CREATE TABLE file_views (
        id uuid PRIMARY KEY,
        owner_id uuid NOT NULL,
        name text NOT NULL,
        size bigint NOT NULL,
        object_key text NOT NULL,
        status text NOT NULL,
        reason text,
        progress smallint NOT NULL,
        media_type text,
        sha256 text,
        result jsonb,
        derivatives jsonb NOT NULL DEFAULT '[]',
        version bigint NOT NULL
      )`);
    await runner.query(`CREATE INDEX file_views_of_owner ON file_views (owner_id, id DESC)`);

    await runner.query(`
      CREATE TABLE file_history (
        file_id uuid NOT NULL,
        version bigint NOT NULL,
        type text NOT NULL,
        at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (file_id, version)
      )`);

    // Written before the first byte is stored and deleted with the commit that makes the file, so that an object
    // whose process died in between can be found and removed.
    await runner.query(`
      CREATE TABLE pending_uploads (
        file_id uuid PRIMARY KEY,
        started_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `DROP TABLE accounts, signing_keys, idempotency_keys, order_views, order_history, file_views, file_history,
                  pending_uploads`,
    );
  }
}
