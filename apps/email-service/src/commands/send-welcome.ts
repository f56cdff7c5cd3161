import { Controller } from '@nestjs/common';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { DataSource } from 'typeorm';
import { MailDelivery } from '../delivery/mail-delivery.ts';
import { recipientOf } from '../storage/recipients.ts';
import { welcome } from '../templates/welcome.ts';
import { SendWelcomeV1 } from './send-welcome.v1.ts';

/** Greets a newcomer. */
@Controller()
export class SendWelcome {
  constructor(
    private readonly dataSource: DataSource,
    private readonly delivery: MailDelivery,
  ) {}

  @HandleMessage(SendWelcomeV1, { transaction: 'deferred' })
  async handle({ userId, eventId, registeredAt }: SendWelcomeV1, ctx: MessageContext): Promise<void> {
    const recipient = await recipientOf(this.dataSource.manager, userId);
    await this.delivery.deliver(ctx, {
      eventId,
      template: 'welcome',
      about: userId,
      recipient,
      document: welcome({ userId, displayName: recipient.displayName, registeredAt }),
    });
  }
}
