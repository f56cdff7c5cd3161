import {
  applyDecorators,
  Controller,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import { SERVICE_CONFIG } from '@warren/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AcceptUpload } from '../commands/accept-upload.ts';
import type { GatewayConfig } from '../config.ts';
import type { Access } from '../credentials/access-tokens.ts';
import { ViewFiles } from '../queries/view-files.ts';
import type { FileView } from '../storage/file-views.ts';
import { ApiProblems } from './api-problems.ts';
import { Caller, CallerAccess, SignedIn } from './bearer.guard.ts';
import { Conditional, sendVersion } from './conditional.ts';
import { EventStreams, SendsEvents, sourceOf } from './event-streams.ts';
import { FileContent } from './file-content.ts';
import { AcceptedFileResponse, DerivativePath, FileListResponse, FileResponse } from './file.responses.ts';
import { ItemPath, pageOf, PageQuery, type Page } from './page.ts';
import { Problem } from './problem.ts';
import { receiveSingleFile, uploadFailure } from './single-file.ts';

function representationOf({
  objectKey: _objectKey,
  reason,
  version: _version,
  ...file
}: FileView): FileResponse {
  return {
    ...file,
    ...(reason !== null && { reason }),
    derivatives: file.derivatives.map(({ name, mediaType, size }) => ({
      name,
      mediaType,
      size,
      url: `/v1/files/${file.id}/derivatives/${name}`,
    })),
  };
}

/** Describes a call that sends bytes. */
const SendsContent = () =>
  applyDecorators(
    ApiHeader({
      name: 'Range',
      required: false,
      description: 'One part of the bytes, for example bytes=0-1023.',
    }),
    ApiProduces('application/octet-stream'),
    ApiOkResponse({ description: 'The bytes.', schema: { type: 'string', format: 'binary' } }),
    ApiResponse({ status: 206, description: 'The part of the bytes that Range asked for.' }),
    Conditional(),
    ApiProblems('validation', 'not-found', 'range-not-satisfiable', 'unavailable'),
  );

const noSuchFile = (): Problem => new Problem('not-found', 'you have no file of this id');

const EVENT_EXAMPLE = `retry: 2718

id: 1-2
event: file.processed.v1
data: {"id":"01912d68-783e-7a3c-8a2c-0c6e6f3f6a05","status":"processed","progress":100}

event: end
data: {}

`;

@ApiTags('Files')
@Controller('v1/files')
@SignedIn()
export class FilesController {
  readonly #source;

  constructor(
    private readonly acceptUpload: AcceptUpload,
    private readonly files: ViewFiles,
    private readonly fileContent: FileContent,
    private readonly eventStreams: EventStreams,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {
    this.#source = sourceOf(files, representationOf);
  }

  @Post()
  @HttpCode(202)
  @ApiConsumes('multipart/form-data')
  @ApiBody({
    schema: {
      type: 'object',
      required: ['file'],
      properties: { file: { type: 'string', format: 'binary' } },
    },
  })
  @ApiOperation({
    summary: 'Upload a file',
    description:
      'Stores the bytes as they arrive. What is in the file is found out after the answer: look at Location.',
  })
  @ApiResponse({
    status: 202,
    type: AcceptedFileResponse,
    description: 'All bytes are stored.',
    headers: { Location: { description: 'Where the file is.', schema: { type: 'string' } } },
  })
  @ApiProblems('malformed-upload', 'content-too-large', 'unsupported-media-type', 'unavailable')
  async upload(
    @Caller() caller: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptedFileResponse> {
    const maxBytes = this.config.WARREN_MAX_UPLOAD_BYTES;
    const file = await receiveSingleFile(request);
    const id = await this.acceptUpload.execute(caller, { ...file, maxBytes }).catch((error: unknown) => {
      throw uploadFailure(error, file);
    });
    void reply.header('location', `/v1/files/${id}`);
    return { id, status: 'uploaded' };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One file' })
  @ApiOkResponse({ type: FileResponse, headers: { ETag: { schema: { type: 'string' } } } })
  @Conditional()
  @ApiProblems('validation', 'not-found')
  async one(
    @Caller() caller: string,
    @Param() { id }: ItemPath,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const file = await this.#find(caller, id);
    sendVersion(request, reply, `"${file.version}"`, representationOf(file));
  }

  @Get()
  @Header('cache-control', 'private, no-cache')
  @ApiOperation({ summary: 'Your files, the latest first' })
  @ApiOkResponse({ type: FileListResponse })
  @ApiProblems('validation')
  async list(@Caller() caller: string, @Query() query: PageQuery): Promise<Page<FileResponse>> {
    return pageOf(query, (limit, before) => this.files.latest(caller, limit, before), representationOf);
  }

  @Get(':id/events')
  @SendsEvents('a file', EVENT_EXAMPLE, FileResponse)
  async events(
    @CallerAccess() access: Access,
    @Param() { id }: ItemPath,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const [file] = await this.files.follow([id], access.accountId);
    if (!file) throw noSuchFile();
    this.eventStreams.send(request, reply, access, this.#source, this.#source.snapshotOf(file));
  }

  @Get(':id/content')
  @ApiOperation({
    summary: 'The bytes of a file',
    description: 'To be saved: never shown by a browser as a page.',
  })
  @SendsContent()
  async content(
    @Caller() caller: string,
    @Param() { id }: ItemPath,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const file = await this.#find(caller, id);
    await this.fileContent.send(request, reply, {
      objectKey: file.objectKey,
      mediaType: file.mediaType ?? 'application/octet-stream',
      name: file.name,
      inline: false,
      // The bytes of a file never change; what is known of their type does.
      etag: file.mediaType === null ? `"${id}"` : `"${id}-typed"`,
    });
  }

  @Get(':id/derivatives/:name')
  @ApiOperation({ summary: 'The bytes of what was made from a file' })
  @SendsContent()
  async derivative(
    @Caller() caller: string,
    @Param() { id, name }: DerivativePath,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const file = await this.#find(caller, id);
    const derivative = file.derivatives.find((each) => each.name === name);
    if (!derivative) throw new Problem('not-found', 'the file has no derivative of this name');
    await this.fileContent.send(request, reply, {
      objectKey: derivative.objectKey,
      mediaType: derivative.mediaType,
      name,
      inline: true,
      etag: `"${id}-${file.version}"`,
    });
  }

  async #find(caller: string, id: string): Promise<FileView> {
    const file = await this.files.one(caller, id);
    if (!file) throw noSuchFile();
    return file;
  }
}
