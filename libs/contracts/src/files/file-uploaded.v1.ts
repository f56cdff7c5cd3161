import { IsInt, IsUUID, Matches, Min } from 'class-validator';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';

@DefineEvent<FileUploadedV1>({
  type: 'file.uploaded.v1',
  exchange: 'files.events',
  publishedBy: 'gateway',
  description: 'All bytes of a file are stored and wait to be processed.',
  example: {
    fileId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a03',
    ownerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    name: 'holiday.jpg',
    size: 2_483_112,
    objectKey: 'files/01912d68-783e-7a3c-8a2c-0c6e6f3f6a03/content',
    uploadedAt: '2026-01-15T09:32:00.000Z',
  },
})
export class FileUploadedV1 {
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

  @Matches(/^files\/[0-9a-f-]{36}\/[a-z0-9][a-z0-9.-]{0,63}$/u)
  @Describe('Key of the bytes in the object storage.')
  objectKey!: string;

  @IsTimestamp()
  @Describe('When the last byte was stored (RFC 3339, UTC).')
  uploadedAt!: string;
}
