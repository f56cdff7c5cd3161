import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore } from '@warren/object-storage';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OBJECT_STORE } from '../storage/unfinished-uploads.ts';
import { requestedRange } from './byte-range.ts';
import { isFresh } from './conditional.ts';

export interface Content {
  objectKey: string;
  mediaType: string;
  /** Under which a client may save it. */
  name: string;
  /** Whether a browser may show it in place of saving it. Never for bytes that a user has chosen. */
  inline: boolean;
  etag: string;
}

/** Sends bytes out of the object storage, whole or in part. */
@Injectable()
export class FileContent {
  constructor(@Inject(OBJECT_STORE) private readonly objects: ObjectStore) {}

  /** @throws Problem for a range outside of the content */
  async send(request: FastifyRequest, reply: FastifyReply, content: Content): Promise<void> {
    void reply.headers({
      etag: content.etag,
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      // What users upload must never run in the origin of the API, whatever a browser makes of its first bytes.
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    });
    if (isFresh(request, content.etag)) {
      void reply.code(304).send();
      return;
    }
    const { size } = await this.objects.stat(content.objectKey);
    const range = requestedRange(request, size, content.etag);
    void reply.code(range ? 206 : 200).headers({
      'content-type': content.mediaType,
      'content-disposition': disposition(content),
      'content-length': range ? range.end - range.start + 1 : size,
      ...(range && { 'content-range': `bytes ${range.start}-${range.end}/${size}` }),
    });
    if (request.method === 'HEAD') {
      // Without a stream Fastify would say that the content has no bytes.
      void reply.send(Readable.from([]));
      return;
    }
    const { stream } = await this.objects.get(content.objectKey, range);
    void reply.send(stream);
  }
}

/** A name for old clients, and the name itself for those that know RFC 8187. */
function disposition({ name, inline }: Content): string {
  const plain = name.replace(/[^\w. -]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${inline ? 'inline' : 'attachment'}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
