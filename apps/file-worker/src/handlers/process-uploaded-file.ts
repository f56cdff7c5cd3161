import { Controller, Logger } from '@nestjs/common';
import { FileProcessedV1, FileRejectedV1, FileUploadedV1 } from '@warren/contracts';
import {
  DependencyUnavailable,
  HandleMessage,
  Outbox,
  PermanentFailure,
  type MessageContext,
} from '@warren/messaging';
import { InvalidObjectKey, StorageUnavailable } from '@warren/object-storage';
import { DataSource, type EntityManager } from 'typeorm';
import { FileExaminer, type Examination } from '../examine-file.ts';
import { beginJob, finishJob } from '../storage/processing-jobs.ts';

/** The upload was version 1 of the file, and its outcome, which is final, is version 2. */
const VERSION_OF_OUTCOME = 2;

/**
 * Finds out what an uploaded file is and announces it, once for each file. The work is done with no transaction
 * open, for it can take long; when the process dies in the middle of it, it is done again to the same effect.
 */
@Controller()
export class ProcessUploadedFile {
  readonly #log = new Logger(ProcessUploadedFile.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
    private readonly examiner: FileExaminer,
  ) {}

  @HandleMessage(FileUploadedV1, { transaction: 'deferred' })
  async handle(file: FileUploadedV1, ctx: MessageContext): Promise<void> {
    const hasOutcome = !(await beginJob(this.dataSource.manager, file.fileId, file.objectKey));
    if (hasOutcome) {
      // Its event came once more under another id, which the inbox can't know.
      await ctx.complete(() => Promise.resolve());
      return;
    }
    const begun = performance.now();
    const examination = await this.#examine(file);
    await ctx.complete((tx) => this.#announce(tx, file, examination));
    const outcome = examination.accepted
      ? `processed as ${examination.mediaType}`
      : `rejected as ${examination.rejection.reason}: ${examination.rejection.message}`;
    this.#log.log(
      `file ${file.fileId} (${file.size} bytes): ${outcome}, ${Math.round(performance.now() - begun)} ms`,
    );
  }

  async #examine(file: FileUploadedV1): Promise<Examination> {
    try {
      return await this.examiner.examine(file);
    } catch (error) {
      if (error instanceof StorageUnavailable)
        throw new DependencyUnavailable('object storage', { cause: error });
      if (error instanceof InvalidObjectKey) throw new PermanentFailure(error.message, { cause: error });
      throw error;
    }
  }

  async #announce(tx: EntityManager, file: FileUploadedV1, examination: Examination): Promise<void> {
    const finishedAt = new Date().toISOString();
    const { fileId, ownerId, name, size } = file;
    const about = { fileId, ownerId, name, size };
    const message = { subject: fileId, sequence: VERSION_OF_OUTCOME };

    if (examination.accepted) {
      const { accepted: _, ...findings } = examination;
      if (!(await finishJob(tx, fileId, { status: 'processed', finishedAt, result: findings }))) return;
      const data: FileProcessedV1 = { ...about, ...findings, processedAt: finishedAt };
      await this.outbox.append(tx, FileProcessedV1, { ...message, data });
    } else {
      const { accepted: _, rejection, ...content } = examination;
      const result = { reason: rejection.reason, detail: rejection.message, ...content };
      if (!(await finishJob(tx, fileId, { status: 'rejected', finishedAt, result }))) return;
      const data: FileRejectedV1 = { ...about, ...content, reason: rejection.reason, rejectedAt: finishedAt };
      await this.outbox.append(tx, FileRejectedV1, { ...message, data });
    }
  }
}
