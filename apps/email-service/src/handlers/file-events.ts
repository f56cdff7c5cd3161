import { Controller } from '@nestjs/common';
import { FileProcessedV1, FileRejectedV1 } from '@warren/contracts';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { MailDelivery } from '../delivery/mail-delivery.ts';
import { fileProcessed } from '../templates/file-processed.ts';
import { fileRejected } from '../templates/file-rejected.ts';

/** Tells owners what became of their files. */
@Controller()
export class FileEvents {
  constructor(private readonly delivery: MailDelivery) {}

  @HandleMessage(FileProcessedV1, { transaction: 'deferred' })
  async processed(file: FileProcessedV1, ctx: MessageContext): Promise<void> {
    await this.delivery.tell(ctx, {
      template: 'file-processed',
      about: file.fileId,
      userId: file.ownerId,
      document: (displayName) => fileProcessed(file, displayName),
    });
  }

  @HandleMessage(FileRejectedV1, { transaction: 'deferred' })
  async rejected(file: FileRejectedV1, ctx: MessageContext): Promise<void> {
    await this.delivery.tell(ctx, {
      template: 'file-rejected',
      about: file.fileId,
      userId: file.ownerId,
      document: (displayName) => fileRejected(file, displayName),
    });
  }
}
