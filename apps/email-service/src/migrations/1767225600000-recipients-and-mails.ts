import type { MigrationInterface, QueryRunner } from 'typeorm';

export class RecipientsAndMails1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE recipients (
        user_id uuid PRIMARY KEY,
        address text NOT NULL,
        display_name text NOT NULL,
        version bigint NOT NULL
      )`);

    await runner.query(`
      CREATE TABLE mails (
        id uuid PRIMARY KEY,
        event_id uuid NOT NULL,
        template text NOT NULL,
        user_id uuid NOT NULL,
        about uuid NOT NULL,
        address text NOT NULL,
        message_id text NOT NULL,
        status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'failed')),
        attempts integer NOT NULL DEFAULT 1,
        smtp_code integer,
        reply text,
        opened_at timestamptz NOT NULL DEFAULT now(),
        settled_at timestamptz,
        UNIQUE (event_id, template),
        CHECK ((status = 'pending') = (settled_at IS NULL)),
        CHECK ((status = 'pending') = (smtp_code IS NULL))
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE mails, recipients');
  }
}
