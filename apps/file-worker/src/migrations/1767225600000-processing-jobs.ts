import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ProcessingJobs1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // For operators (what is worked on since when, how often was it begun, what came out), and so that a file has one
    // outcome, whatever its event is sent as.
    await runner.query(`
      CREATE TABLE processing_jobs (
        file_id uuid PRIMARY KEY,
        object_key text NOT NULL,
        status text NOT NULL CHECK (status IN ('processing', 'processed', 'rejected')),
        attempts integer NOT NULL CHECK (attempts >= 1),
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        result jsonb,
        CHECK ((status = 'processing') = (finished_at IS NULL)),
        CHECK ((status = 'processing') = (result IS NULL))
      )`);
    await runner.query(
      `CREATE INDEX processing_jobs_unfinished ON processing_jobs (started_at) WHERE finished_at IS NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE processing_jobs');
  }
}
