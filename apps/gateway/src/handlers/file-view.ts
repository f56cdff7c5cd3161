import { Controller } from '@nestjs/common';
import { contractOf, FileProcessedV1, FileRejectedV1, parseSequence } from '@warren/contracts';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { objectKey } from '@warren/object-storage';
import type { EntityManager } from 'typeorm';
import { ViewNews } from '../live/view-news.ts';
import { applyFileChange, type FileChange } from '../storage/file-views.ts';

/** Keeps the owners' view of their files up to date. */
@Controller()
export class FileViewHandlers {
  constructor(private readonly news: ViewNews) {}

  @HandleMessage(FileProcessedV1)
  async processed(data: FileProcessedV1, { envelope, tx }: MessageContext): Promise<void> {
    await this.#apply(tx, {
      ...data,
      objectKey: objectKey(data.fileId, 'content'),
      status: 'processed',
      progress: 100,
      version: parseSequence(envelope.sequence),
      type: contractOf(FileProcessedV1).type,
      at: data.processedAt,
    });
  }

  @HandleMessage(FileRejectedV1)
  async rejected(data: FileRejectedV1, { envelope, tx }: MessageContext): Promise<void> {
    await this.#apply(tx, {
      ...data,
      objectKey: objectKey(data.fileId, 'content'),
      status: 'rejected',
      progress: 100,
      version: parseSequence(envelope.sequence),
      type: contractOf(FileRejectedV1).type,
      at: data.rejectedAt,
    });
  }

  async #apply(tx: EntityManager, change: FileChange): Promise<void> {
    await applyFileChange(tx, change);
    this.news.changed(tx, change.fileId);
  }
}
