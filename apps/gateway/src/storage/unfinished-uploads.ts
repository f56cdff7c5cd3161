import { Inject, Injectable } from '@nestjs/common';
import { ObjectNotFound, objectKey, type ObjectStore } from '@warren/object-storage';
import { DataSource, LessThan, type EntityManager } from 'typeorm';
import { PendingUpload } from './pending-upload.entity.ts';

/** Injection token of the {@link ObjectStore}. */
export const OBJECT_STORE = Symbol('object store');

const HOUR_MS = 3_600_000;

/** An object waits this long for the commit that makes its file; in a living process that takes milliseconds. */
const UNCLAIMED_MS = HOUR_MS;

/** No upload takes longer than this. */
const ABANDONED_MS = 7 * 24 * HOUR_MS;

/** Removes what uploads leave behind that fail, or whose process dies. */
@Injectable()
export class UnfinishedUploads {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
  ) {}

  /** Removes the object and the row of an upload, unless it was finished. */
  async discard(fileId: string): Promise<void> {
    await this.#whileHeld(fileId, async (tx) => {
      await this.objects.delete(objectKey(fileId, 'content'));
      await tx.delete(PendingUpload, { fileId });
    });
  }

  /**
   * Removes what crashed uploads left: parts of objects, and whole objects that never became a file.
   *
   * @returns how many of each
   */
  async sweep(): Promise<{ parts: number; objects: number }> {
    const parts = await this.objects.sweepUnfinished(UNCLAIMED_MS);
    const pending = await this.dataSource.manager.findBy(PendingUpload, {
      startedAt: LessThan(new Date(Date.now() - UNCLAIMED_MS)),
    });
    let objects = 0;
    for (const upload of pending) {
      if (!(await this.#isAbandoned(upload))) continue;
      await this.discard(upload.fileId);
      objects += 1;
    }
    return { parts, objects };
  }

  /** Whoever finishes the upload deletes the same row, so one of the two waits and then finds it gone. */
  async #whileHeld(fileId: string, work: (tx: EntityManager) => Promise<void>): Promise<void> {
    await this.dataSource.transaction(async (tx) => {
      const held = await tx.findOne(PendingUpload, {
        where: { fileId },
        lock: { mode: 'pessimistic_write' },
      });
      if (held) await work(tx);
    });
  }

  async #isAbandoned({ fileId, startedAt }: PendingUpload): Promise<boolean> {
    try {
      const { modifiedAt } = await this.objects.stat(objectKey(fileId, 'content'));
      return modifiedAt.getTime() < Date.now() - UNCLAIMED_MS;
    } catch (error) {
      if (!(error instanceof ObjectNotFound)) throw error;
      // Its bytes may still be on their way.
      return startedAt.getTime() < Date.now() - ABANDONED_MS;
    }
  }
}
