import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { FILE_REJECTION_REASONS } from '@warren/contracts';
import { IsUUID, Matches } from 'class-validator';

export class AcceptedFileResponse {
  @ApiProperty({ description: 'Id of the file.', format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ['uploaded'] })
  status!: 'uploaded';
}

export class DerivativeResponse {
  @ApiProperty({ description: 'Name within the file.', example: 'thumbnail.webp' })
  name!: string;

  @ApiProperty({ description: 'Media type of its bytes.', example: 'image/webp' })
  mediaType!: string;

  @ApiProperty({ description: 'Size in bytes.', type: 'integer', minimum: 0 })
  size!: number;

  @ApiProperty({ description: 'Where its bytes are.' })
  url!: string;
}

export class FileResponse {
  @ApiProperty({ description: 'Id of the file.', format: 'uuid' })
  id!: string;

  @ApiProperty({ description: 'Name that it was uploaded with.', example: 'holiday.jpg' })
  name!: string;

  @ApiProperty({ description: 'Size in bytes.', type: 'integer', minimum: 0 })
  size!: number;

  @ApiProperty({
    description: 'Media type, found out from the bytes; null until then.',
    type: 'string',
    nullable: true,
    example: 'image/jpeg',
  })
  mediaType!: string | null;

  @ApiProperty({
    description: 'SHA-256 of the bytes in hexadecimal; null until it is known.',
    type: 'string',
    nullable: true,
  })
  sha256!: string | null;

  @ApiProperty({ enum: ['uploaded', 'processing', 'processed', 'rejected'] })
  status!: string;

  @ApiPropertyOptional({ description: 'Why it was rejected.', enum: FILE_REJECTION_REASONS })
  reason?: string;

  @ApiProperty({
    description: 'How far processing is, in percent.',
    type: 'integer',
    minimum: 0,
    maximum: 100,
  })
  progress!: number;

  @ApiProperty({
    description: 'What processing found out, depending on the media type; null until then.',
    type: 'object',
    additionalProperties: true,
    nullable: true,
    example: { width: 4000, height: 3000 },
  })
  result!: object | null;

  @ApiProperty({ description: 'What was made from the file.', type: [DerivativeResponse] })
  derivatives!: DerivativeResponse[];
}

export class FileListResponse {
  @ApiProperty({ type: [FileResponse] })
  items!: FileResponse[];

  @ApiProperty({
    description: 'Leads to the next page; null on the last one.',
    type: 'string',
    nullable: true,
  })
  nextCursor!: string | null;
}

export class DerivativePath {
  @ApiProperty({ description: 'Id of the file.', format: 'uuid' })
  @IsUUID()
  id!: string;

  @ApiProperty({ description: 'Name of the derivative.', example: 'thumbnail.webp' })
  @Matches(/^[a-z0-9][a-z0-9.-]{0,63}$/, { message: 'name must be the name of a derivative' })
  name!: string;
}
