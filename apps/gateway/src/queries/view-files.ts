import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isGapless, type Followed, type HistoryEntry } from './followed.ts';
import type { FileView } from '../storage/file-views.ts';

const COLUMNS = `
  id, name, size, object_key AS "objectKey", status, reason, progress, media_type AS "mediaType", sha256, result,
  derivatives, version`;

interface FileRow extends Omit<FileView, 'size' | 'version'> {
  /** Bigints, which the driver gives as text. */
  size: string;
  version: string;
}

interface FollowedRow extends FileRow {
  history: HistoryEntry[];
  quietMs: number | null;
}

const FINAL: readonly FileView['status'][] = ['processed', 'rejected'];

const viewOf = (row: FileRow): FileView => ({
  ...row,
  size: Number(row.size),
  version: Number(row.version),
});

function followed({ history, quietMs, ...row }: FollowedRow): Followed<FileView> {
  return {
    view: viewOf(row),
    entries: history,
    isFinal: FINAL.includes(row.status) && isGapless(history),
    quietMs: quietMs ?? 0,
  };
}

/** Reads the gateway's own view, so it works while the file-worker is down. An owner finds only what is theirs. */
@Injectable()
export class ViewFiles {
  constructor(private readonly dataSource: DataSource) {}

  async one(ownerId: string, fileId: string): Promise<FileView | undefined> {
    const rows = await this.dataSource.query<FileRow[]>(
      `SELECT ${COLUMNS} FROM file_views WHERE id = $1 AND owner_id = $2`,
      [fileId, ownerId],
    );
    return rows[0] && viewOf(rows[0]);
  }

  /**
   * The latest first. Ids are UUIDv7, so their order is that of time.
   *
   * @param before only files with a smaller id than this
   */
  async latest(ownerId: string, limit: number, before: string | undefined): Promise<FileView[]> {
    const rows = await this.dataSource.query<FileRow[]>(
      `SELECT ${COLUMNS} FROM file_views
        WHERE owner_id = $1 ${before === undefined ? '' : 'AND id < $3'} ORDER BY id DESC LIMIT $2`,
      before === undefined ? [ownerId, limit] : [ownerId, limit, before],
    );
    return rows.map(viewOf);
  }

  /** @param ownerId whose files they must be; without it anybody's are found */
  async follow(fileIds: readonly string[], ownerId?: string): Promise<Followed<FileView>[]> {
    const rows = await this.dataSource.query<FollowedRow[]>(
      `SELECT ${COLUMNS}, coalesce(happened.history, '[]') AS history,
              extract(epoch FROM now() - happened.seen_at)::float8 * 1000 AS "quietMs"
         FROM file_views,
              LATERAL (SELECT json_agg(json_build_object('version', h.version, 'type', h.type) ORDER BY h.version) AS history,
                              max(h.seen_at) AS seen_at
                         FROM file_history h WHERE h.file_id = file_views.id) AS happened
        WHERE id = ANY ($1) AND ($2::uuid IS NULL OR owner_id = $2)`,
      [fileIds, ownerId ?? null],
    );
    return rows.map(followed);
  }

  /** How many things are known to have happened to each of these files. */
  async countEntries(fileIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.dataSource.query<{ id: string; entries: number }[]>(
      `SELECT file_id AS id, count(*)::int AS entries FROM file_history WHERE file_id = ANY ($1) GROUP BY file_id`,
      [fileIds],
    );
    return new Map(rows.map(({ id, entries }) => [id, entries]));
  }
}
