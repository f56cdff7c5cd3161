import { Controller } from '@nestjs/common';
import { FileProcessedV1, FileRejectedV1 } from '@warren/contracts';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { DataSource } from 'typeorm';
import { MailDelivery } from '../delivery/mail-delivery.ts';
import { recipientOf } from '../storage/recipients.ts';
import { fileProcessed } from '../templates/file-processed.ts';
import { fileRejected } from '../templates/file-rejected.ts';

/** Tells owners what became of their files. */
@Controller()
export class FileEvents {
  constructor(
    private readonly dataSource: DataSource,
    private readonly delivery: MailDelivery,
  ) {}

  @HandleMessage(FileProcessedV1, { transaction: 'deferred' })
  async processed(file: FileProcessedV1, ctx: MessageContext): Promise<void> {
    const recipient = await recipientOf(this.dataSource.manager, file.ownerId);
    await this.delivery.deliver(ctx, {
      eventId: ctx.envelope.id,
      template: 'file-processed',
      about: file.fileId,
      recipient,
      document: fileProcessed(file, recipient.displayName),
    });
  }

  @HandleMessage(FileRejectedV1, { transaction: 'deferred' })
  async rejected(file: FileRejectedV1, ctx: MessageContext): Promise<void> {
    const recipient = await recipientOf(this.dataSource.manager, file.ownerId);
    await this.delivery.deliver(ctx, {
      eventId: ctx.envelope.id,
      template: 'file-rejected',
      about: file.fileId,
      recipient,
      document: fileRejected(file, recipient.displayName),
    });
  }
}
