import { Type } from 'class-transformer';
import {
  IsArray,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsUUID,
  Length,
  Matches,
  Min,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { DefineEvent } from '../define-event.ts';

/** What processing found out. A field is absent where it makes no sense for the type of file. */
export class FileResult {
  @IsOptional()
  @IsInt()
  @Min(0)
  @JSONSchema({ description: 'CSV: number of data rows, without the header.' })
  rows?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  @JSONSchema({ description: 'Images: width in pixels after the orientation is applied.' })
  width?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  @JSONSchema({ description: 'Images: height in pixels after the orientation is applied.' })
  height?: number;
}

/** Another object that was made from the file. */
export class Derivative {
  @Matches(/^[a-z0-9][a-z0-9.-]{0,63}$/)
  @JSONSchema({ description: 'Name within the file, for example thumbnail.webp.' })
  name!: string;

  @Length(3, 127)
  @JSONSchema({ description: 'Media type of its bytes.' })
  mediaType!: string;

  @IsInt()
  @Min(0)
  @JSONSchema({ description: 'Size in bytes.' })
  size!: number;

  @Matches(/^files\/[0-9a-f-]{36}\/[a-z0-9][a-z0-9.-]{0,63}$/)
  @JSONSchema({ description: 'Key of the bytes in the object storage.' })
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

  @Matches(/^[0-9a-f]{64}$/)
  @JSONSchema({ description: 'SHA-256 of all bytes, in lower-case hexadecimal.' })
  sha256!: string;

  @Length(3, 127)
  @JSONSchema({ description: 'Media type, found out from the bytes.' })
  mediaType!: string;

  @IsObject()
  @ValidateNested()
  @Type(() => FileResult)
  @JSONSchema({ description: 'What processing found out.' })
  result!: FileResult;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => Derivative)
  @JSONSchema({ description: 'Objects made from the file.' })
  derivatives!: Derivative[];

  @IsISO8601({ strict: true })
  @JSONSchema({ description: 'When processing ended (RFC 3339, UTC).' })
  processedAt!: string;
}
