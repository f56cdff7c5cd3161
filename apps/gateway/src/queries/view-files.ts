import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { FileView } from '../storage/file-views.ts';

const COLUMNS = `
  id, name, size, object_key AS "objectKey", status, reason, progress, media_type AS "mediaType", sha256, result,
  derivatives, version`;

interface FileRow extends Omit<FileView, 'size' | 'version'> {
  /** Bigints, which the driver gives as text. */
  size: string;
  version: string;
}

const viewOf = (row: FileRow): FileView => ({
  ...row,
  size: Number(row.size),
  version: Number(row.version),
});

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
}
