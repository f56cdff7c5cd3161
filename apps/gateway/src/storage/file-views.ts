import type { EntityManager } from 'typeorm';

/** What the gateway knows of files: the state of each and what happened to it, as with orders. */

export type FileStatus = 'uploaded' | 'processing' | 'processed' | 'rejected';

export interface DerivativeView {
  name: string;
  mediaType: string;
  /** In bytes. */
  size: number;
  objectKey: string;
}

export interface FileView {
  id: string;
  /** As the owner gave it: to be shown, never to be used as a path. */
  name: string;
  /** In bytes. */
  size: number;
  objectKey: string;
  status: FileStatus;
  /** Why it was rejected. */
  reason: string | null;
  /** In percent. */
  progress: number;
  /** Null until it was found out from the bytes; so is `sha256`. */
  mediaType: string | null;
  sha256: string | null;
  result: object | null;
  derivatives: DerivativeView[];
  version: number;
}

/** A change of a file that its upload or an event tells of. */
export interface FileChange {
  fileId: string;
  ownerId: string;
  name: string;
  size: number;
  objectKey: string;
  status: FileStatus;
  reason?: string;
  progress: number;
  mediaType?: string;
  sha256?: string;
  result?: object;
  derivatives?: readonly DerivativeView[];
  /** Version of the file after the change. */
  version: number;
  /** Type of the event, for example file.processed.v1. */
  type: string;
  at: string;
}

/**
 * Writes a change: the thing that happened always, the state only if it is newer than what is known. The row is
 * made when it is missing, since events carry all that it holds.
 */
export async function applyFileChange(tx: EntityManager, change: FileChange): Promise<void> {
  await tx.query(
    `WITH happened AS (
       INSERT INTO file_history (file_id, version, type, at) VALUES ($1, $13, $14, $15) ON CONFLICT DO NOTHING
     )
     INSERT INTO file_views AS v (id, owner_id, name, size, object_key, status, reason, progress, media_type, sha256,
                                  result, derivatives, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (id) DO UPDATE
        SET status = excluded.status, reason = excluded.reason, progress = excluded.progress,
            media_type = excluded.media_type, sha256 = excluded.sha256, result = excluded.result,
            derivatives = excluded.derivatives, version = excluded.version
      WHERE v.version < excluded.version`,
    [
      change.fileId,
      change.ownerId,
      change.name,
      change.size,
      change.objectKey,
      change.status,
      change.reason ?? null,
      change.progress,
      change.mediaType ?? null,
      change.sha256 ?? null,
      change.result ? JSON.stringify(change.result) : null,
      JSON.stringify(change.derivatives ?? []),
      change.version,
      change.type,
      change.at,
    ],
  );
}
