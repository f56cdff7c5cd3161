import { Controller } from '@nestjs/common';
import { parseSequence, UserRegisteredV1 } from '@warren/contracts';
import { HandleMessage, Outbox, type MessageContext } from '@warren/messaging';
import { SendWelcomeV1 } from '../commands/send-welcome.v1.ts';
import { keepRecipient } from '../storage/recipients.ts';
import { oneLine } from '../templates/document.ts';

/**
 * Somebody signed up: keep the address, and ask for the welcome mail.
 *
 * Asked for by a message to ourselves instead of sent here, because a consumer pauses while the mail server is away,
 * and addresses must go on arriving meanwhile.
 */
@Controller()
export class UserRegistered {
  constructor(private readonly outbox: Outbox) {}

  @HandleMessage(UserRegisteredV1)
  async handle(user: UserRegisteredV1, { tx, envelope }: MessageContext): Promise<void> {
    const { userId, email: address, registeredAt } = user;
    const version = parseSequence(envelope.sequence);
    await keepRecipient(tx, { userId, address, displayName: oneLine(user.displayName) }, version);
    await this.outbox.append(tx, SendWelcomeV1, {
      subject: userId,
      sequence: version,
      data: { userId, eventId: envelope.id, registeredAt },
    });
  }
}
