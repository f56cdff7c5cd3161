import { IsIn, IsInt, IsUUID, Matches, Min } from 'class-validator';
import { MayBeAbsent } from '../constraints/presence.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';

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
  @Describe('Id of the file; the subject of the event.')
  fileId!: string;

  @IsUUID()
  @Describe('Account that owns the file.')
  ownerId!: string;

  @TextLength(1, 255)
  @Describe('Name that the owner gave. To be shown, never to be used as a path.')
  name!: string;

  @IsInt()
  @Min(0)
  @Describe('Size.', { unit: 'bytes' })
  size!: number;

  @MayBeAbsent()
  @Matches(/^[0-9a-f]{64}$/u)
  @Describe('SHA-256 of all bytes in lower-case hexadecimal, where they could be read.')
  sha256?: string;

  @MayBeAbsent()
  @TextLength(3, 127)
  @Describe('Media type, where it could be found out.')
  mediaType?: string;

  @IsIn(FILE_REJECTION_REASONS)
  @Describe('Why the file can not be processed.')
  reason!: FileRejectionReason;

  @IsTimestamp()
  @Describe('When the file was rejected (RFC 3339, UTC).')
  rejectedAt!: string;
}
