import { IsIn, IsInt, IsISO8601, IsOptional, IsUUID, Length, Matches, Min } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { DefineEvent } from '../define-event.ts';

/** Why a file can't be processed: a closed list. */
export const FILE_REJECTION_REASONS = [
  'content-missing',
  'size-mismatch',
  'unreadable-image',
  'too-many-pixels',
  'malformed-csv',
] as const;
export type FileRejectionReason = (typeof FILE_REJECTION_REASONS)[number];

@DefineEvent<FileRejectedV1>({
  type: 'file.rejected.v1',
  exchange: 'files.events',
  publishedBy: 'file-worker',
  description: 'A file can not be processed, whatever is tried. Final.',
  example: {
    fileId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a03',
    ownerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    name: 'holiday.jpg',
    size: 512,
    reason: 'unreadable-image',
    rejectedAt: '2026-01-15T09:32:01.000Z',
  },
})
export class FileRejectedV1 {
  @IsUUID()
  @JSONSchema({ description: 'Id of the file; the subject of the event.' })
  fileId!: string;

  @IsUUID()
  @JSONSchema({ description: 'Account that owns the file.' })
  ownerId!: string;

  @Length(1, 255)
  @JSONSchema({ description: 'Name that the owner gave. To be shown, never to be used as a path.' })
  name!: string;

  @IsInt()
  @Min(0)
  @JSONSchema({ description: 'Size in bytes.' })
  size!: number;

  @IsOptional()
  @Matches(/^[0-9a-f]{64}$/)
  @JSONSchema({ description: 'SHA-256 of all bytes in lower-case hexadecimal, where they could be read.' })
  sha256?: string;

  @IsOptional()
  @Length(3, 127)
  @JSONSchema({ description: 'Media type, where it could be found out.' })
  mediaType?: string;

  @IsIn(FILE_REJECTION_REASONS)
  @JSONSchema({ description: 'Why the file can not be processed.' })
  reason!: FileRejectionReason;

  @IsISO8601({ strict: true })
  @JSONSchema({ description: 'When the file was rejected (RFC 3339, UTC).' })
  rejectedAt!: string;
}
