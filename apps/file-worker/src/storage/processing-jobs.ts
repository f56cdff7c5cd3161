import type { EntityManager } from 'typeorm';

/**
 * Notes that work on a file begins. Committed at once, so that an operator sees what is being worked on; a job that
 * was begun before and not finished (its worker died, or the storage was away) is begun again.
 *
 * @returns false when the file has its outcome already.
 */
export async function beginJob(manager: EntityManager, fileId: string, objectKey: string): Promise<boolean> {
  const begun: unknown[] = await manager.query(
    `INSERT INTO processing_jobs (file_id, object_key, status, attempts, started_at)
     VALUES ($1, $2, 'processing', 1, now())
     ON CONFLICT (file_id) DO UPDATE
       SET object_key = excluded.object_key, attempts = processing_jobs.attempts + 1, started_at = now()
       WHERE processing_jobs.status = 'processing'
     RETURNING attempts`,
    [fileId, objectKey],
  );
  return begun.length === 1;
}

/**
 * Gives the file its outcome, in the transaction of the event that announces it, and locks its row.
 *
 * @param result what came out, for operators.
 * @returns false when the file has its outcome already; then nothing is to be announced.
 */
export async function finishJob(
  tx: EntityManager,
  fileId: string,
  outcome: { status: 'processed' | 'rejected'; finishedAt: string; result: object },
): Promise<boolean> {
  const [, updated]: [unknown, number] = await tx.query(
    `UPDATE processing_jobs SET status = $2, finished_at = $3, result = $4
     WHERE file_id = $1 AND status = 'processing'`,
    [fileId, outcome.status, outcome.finishedAt, JSON.stringify(outcome.result)],
  );
  return updated === 1;
}
