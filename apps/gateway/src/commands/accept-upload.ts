import type { Readable } from 'node:stream';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { FileUploadedV1 } from '@warren/contracts';
import { Outbox } from '@warren/messaging';
import { objectKey, type ObjectStore } from '@warren/object-storage';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { applyFileChange } from '../storage/file-views.ts';
import { PendingUpload } from '../storage/pending-upload.entity.ts';
import { OBJECT_STORE, UnfinishedUploads } from '../storage/unfinished-uploads.ts';

export interface Upload {
  /** As the owner gave it. */
  name: string;
  content: Readable;
  /** Largest size that is taken, in bytes. */
  maxBytes: number;
  /** Resolves when all that came with the content was in order too; throws when it was not. */
  complete(): Promise<void>;
}

/**
 * Stores the bytes of a file and announces it. The object is there before the file is, so nobody hears of a file
 * whose bytes are missing; and a row written before the object tells of one whose file never came to be.
 */
@Injectable()
export class AcceptUpload {
  readonly #log = new Logger(AcceptUpload.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
    private readonly unfinished: UnfinishedUploads,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
  ) {}

  /**
   * @returns the file's id
   * @throws ObjectTooLarge, whatever the content or `complete` failed with. Then nothing is left of the upload.
   */
  async execute(ownerId: string, upload: Upload): Promise<string> {
    const fileId = uuidv7();
    const key = objectKey(fileId, 'content');
    // Inserted while the content flows would be quicker, but then a crash could leave an object without its row.
    await this.dataSource.manager.insert(PendingUpload, { fileId });
    try {
      const { size } = await this.objects.put(key, upload.content, { maxBytes: upload.maxBytes });
      await upload.complete();
      await this.#announce(ownerId, fileId, upload.name, size, key);
      return fileId;
    } catch (error) {
      await this.unfinished.discard(fileId).catch((failure: unknown) => {
        // What is left is found by its row and removed later.
        this.#log.warn(`could not remove what is left of upload ${fileId}: ${String(failure)}`);
      });
      throw error;
    }
  }

  async #announce(ownerId: string, fileId: string, name: string, size: number, key: string): Promise<void> {
    const uploadedAt = new Date().toISOString();
    await this.dataSource.transaction(async (tx) => {
      const { affected } = await tx.delete(PendingUpload, { fileId });
      if (affected !== 1) throw new Error(`upload ${fileId} was taken for abandoned and removed meanwhile`);
      await applyFileChange(tx, {
        fileId,
        ownerId,
        name,
        size,
        objectKey: key,
        status: 'uploaded',
        progress: 0,
        version: 1,
        type: 'file.uploaded.v1',
        at: uploadedAt,
      });
      await this.outbox.append(tx, FileUploadedV1, {
        subject: fileId,
        sequence: 1,
        data: { fileId, ownerId, name, size, objectKey: key, uploadedAt },
      });
    });
  }
}
