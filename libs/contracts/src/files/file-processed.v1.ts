import { IsInt, IsUUID, Matches, Min } from 'class-validator';
import { Nested, NestedList } from '../constraints/nested.ts';
import { MayBeAbsent } from '../constraints/presence.ts';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';

/** What processing found out. A field is absent where it makes no sense for the type of file. */
export class FileResult {
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Describe('CSV: data rows, without the header.', { unit: 'rows' })
  rows?: number;

  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Describe('Images: width after the orientation is applied.', { unit: 'pixels' })
  width?: number;

  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Describe('Images: height after the orientation is applied.', { unit: 'pixels' })
  height?: number;
}

/** Another object that was made from the file. */
export class Derivative {
  @Matches(/^[a-z0-9][a-z0-9.-]{0,63}$/u)
  @Describe('Name within the file, for example thumbnail.webp.')
  name!: string;

  @TextLength(3, 127)
  @Describe('Media type of its bytes.')
  mediaType!: string;

  @IsInt()
  @Min(0)
  @Describe('Size.', { unit: 'bytes' })
  size!: number;

  @Matches(/^files\/[0-9a-f-]{36}\/[a-z0-9][a-z0-9.-]{0,63}$/u)
  @Describe('Key of the bytes in the object storage.')
  objectKey!: string;
}

@DefineEvent<FileProcessedV1>({
  type: 'file.processed.v1',
  exchange: 'files.events',
  publishedBy: 'file-worker',
  description: 'A file was read to its end and its results are known. Final.',
  example: {
    fileId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a03',
    ownerId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    name: 'holiday.jpg',
    size: 2_483_112,
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    mediaType: 'image/jpeg',
    result: { width: 4000, height: 3000 },
    derivatives: [
      {
        name: 'thumbnail.webp',
        mediaType: 'image/webp',
        size: 9_120,
        objectKey: 'files/01912d68-783e-7a3c-8a2c-0c6e6f3f6a03/thumbnail.webp',
      },
    ],
    processedAt: '2026-01-15T09:32:01.000Z',
  },
})
export class FileProcessedV1 {
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

  @Matches(/^[0-9a-f]{64}$/u)
  @Describe('SHA-256 of all bytes, in lower-case hexadecimal.')
  sha256!: string;

  @TextLength(3, 127)
  @Describe('Media type, found out from the bytes.')
  mediaType!: string;

  @Nested(() => FileResult)
  @Describe('What processing found out.')
  result!: FileResult;

  @NestedList(() => Derivative)
  @Describe('Objects made from the file.')
  derivatives!: Derivative[];

  @IsTimestamp()
  @Describe('When processing ended (RFC 3339, UTC).')
  processedAt!: string;
}
