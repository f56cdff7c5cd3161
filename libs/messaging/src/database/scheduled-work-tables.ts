import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of scheduled messages, background jobs and recurring jobs. Private, as those of the outbox and inbox. */
export class ScheduledWorkTables1764000000100 implements MigrationInterface {
  readonly name = 'ScheduledWorkTables1764000000100';

  async up(runner: QueryRunner): Promise<void> {
    // What a row of the outbox needs, and when it is to become one.
    await runner.query(`
      CREATE TABLE scheduled_messages (
        id uuid PRIMARY KEY,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        key text UNIQUE,
        due_at timestamptz NOT NULL,
        aggregate text NOT NULL,
        exchange text NOT NULL,
        routing_key text NOT NULL,
        must_be_routed boolean NOT NULL,
        body text NOT NULL,
        headers jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      ) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000)`);
    await runner.query(`CREATE INDEX scheduled_messages_due ON scheduled_messages (due_at, seq)`);

    // The payload is json and not jsonb, which refuses some strings that JSON allows.
    await runner.query(`
      CREATE TABLE jobs (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        key text,
        payload json NOT NULL,
        state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
        run_at timestamptz NOT NULL,
        attempt integer NOT NULL DEFAULT 0,
        attempts integer NOT NULL,
        postponed integer NOT NULL DEFAULT 0,
        crashes integer NOT NULL DEFAULT 0,
        begun boolean NOT NULL DEFAULT false,
        recurring text,
        scheduled_for timestamptz,
        lease_token uuid,
        lease_until timestamptz,
        worker text,
        last_error text,
        last_error_stack text,
        correlation_id text NOT NULL,
        causation_id text,
        headers jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at timestamptz,
        finished_at timestamptz
      ) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000)`);
    await runner.query(`CREATE INDEX jobs_waiting ON jobs (name, run_at, id) WHERE state = 'waiting'`);
    await runner.query(`CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running'`);
    await runner.query(`CREATE INDEX jobs_open ON jobs (state, id) WHERE state <> 'done'`);
    await runner.query(`CREATE INDEX jobs_done ON jobs (finished_at) WHERE state = 'done'`);
    await runner.query(`CREATE INDEX jobs_recurring ON jobs (finished_at) WHERE recurring IS NOT NULL`);
    // A job that was begun gives its key free, so that what is asked for meanwhile is done after it.
    await runner.query(`CREATE UNIQUE INDEX jobs_key ON jobs (key) WHERE key IS NOT NULL AND NOT begun`);

    await runner.query(`
      CREATE TABLE recurring_jobs (
        name text PRIMARY KEY,
        cron text NOT NULL,
        time_zone text NOT NULL,
        missed text NOT NULL,
        overlap text NOT NULL,
        attempts integer NOT NULL,
        next_run_at timestamptz NOT NULL,
        paused_at timestamptz,
        last_job_id uuid,
        last_scheduled_for timestamptz,
        last_success_at timestamptz,
        last_skipped_for timestamptz,
        last_skip_reason text,
        declared_at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE scheduled_messages, jobs, recurring_jobs`);
  }
}
