import type { EntityManager } from 'typeorm';

export type NewJob = {
  id: string;
  name: string;
  key: string | null;
  payload: object;
  attempts: number;
  correlationId: string;
  causationId: string | null;
  headers: Record<string, string>;
} & ({ atMs: number } | { afterMs: number });

/** Inserts a job, in the place of one with the same key that was not begun. */
export async function insertJob(tx: EntityManager, job: NewJob): Promise<void> {
  await tx.query(
    `INSERT INTO jobs (id, name, key, payload, run_at, attempts, correlation_id, causation_id, headers)
     VALUES ($1, $2, $3, $4, coalesce($5::timestamptz, clock_timestamp() + $6 * interval '1 millisecond'), $7, $8, $9,
       $10)
     ON CONFLICT (key) WHERE key IS NOT NULL AND NOT begun DO UPDATE SET
       id = excluded.id, name = excluded.name, payload = excluded.payload, run_at = excluded.run_at,
       attempts = excluded.attempts, correlation_id = excluded.correlation_id, causation_id = excluded.causation_id,
       headers = excluded.headers, created_at = excluded.created_at`,
    [
      job.id,
      job.name,
      job.key,
      JSON.stringify(job.payload),
      'atMs' in job ? new Date(job.atMs) : null,
      'afterMs' in job ? job.afterMs : null,
      job.attempts,
      job.correlationId,
      job.causationId,
      JSON.stringify(job.headers),
    ],
  );
}
