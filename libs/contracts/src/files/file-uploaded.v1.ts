import { IsInt, IsISO8601, IsUUID, Length, Matches, Min } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { DefineEvent } from '../define-event.ts';

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

  @Matches(/^files\/[0-9a-f-]{36}\/[a-z0-9][a-z0-9.-]{0,63}$/)
  @JSONSchema({ description: 'Key of the bytes in the object storage.' })
  objectKey!: string;

  @IsISO8601({ strict: true })
  @JSONSchema({ description: 'When the last byte was stored (RFC 3339, UTC).' })
  uploadedAt!: string;
}
