import { CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/**
 * An upload whose bytes are on their way into the object storage. The row goes with the commit that makes the
 * file; one that stays tells of an object that may have to be removed.
 */
@Entity('pending_uploads')
export class PendingUpload {
  @PrimaryColumn({ type: 'uuid', name: 'file_id' })
  fileId!: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'started_at' })
  startedAt!: Date;
}
