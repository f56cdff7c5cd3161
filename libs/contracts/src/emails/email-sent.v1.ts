import { IsIn, IsUUID } from 'class-validator';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { MAIL_TEMPLATES, type MailTemplate } from './mail-template.ts';

@DefineEvent<EmailSentV1>({
  type: 'email.sent.v1',
  exchange: 'emails.events',
  publishedBy: 'email-service',
  description: 'A mail was accepted by the mail server. Carries no address.',
  example: {
    mailId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a04',
    userId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    template: 'order-confirmed',
    about: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    messageId: '<01912d68-783e-7a3c-8a2c-0c6e6f3f6a05@warren.example>',
    sentAt: '2026-01-15T09:31:01.000Z',
  },
})
export class EmailSentV1 {
  @IsUUID()
  @Describe('Id of the mail; the subject of the event.')
  mailId!: string;

  @IsUUID()
  @Describe('Account that the mail was sent to.')
  userId!: string;

  @IsIn(MAIL_TEMPLATES)
  @Describe('Which mail it was.')
  template!: MailTemplate;

  @IsUUID()
  @Describe('Id of the user, order or file that the mail is about.')
  about!: string;

  @TextLength(3, 255)
  @Describe('The Message-ID header (RFC 5322), the same whenever this mail is sent again.')
  messageId!: string;

  @IsTimestamp()
  @Describe('When the mail server accepted it (RFC 3339, UTC).')
  sentAt!: string;
}
