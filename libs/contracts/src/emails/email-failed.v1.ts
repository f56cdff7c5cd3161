import { IsIn, IsInt, IsUUID, Max, Min } from 'class-validator';
import { IsTimestamp } from '../constraints/text-formats.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { MAIL_TEMPLATES, type MailTemplate } from './mail-template.ts';

@DefineEvent<EmailFailedV1>({
  type: 'email.failed.v1',
  exchange: 'emails.events',
  publishedBy: 'email-service',
  description: 'A mail was refused by the mail server for good. Carries no address.',
  example: {
    mailId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a04',
    userId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    template: 'order-confirmed',
    about: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a02',
    smtpCode: 550,
    failedAt: '2026-01-15T09:31:01.000Z',
  },
})
export class EmailFailedV1 {
  @IsUUID()
  @Describe('Id of the mail; the subject of the event.')
  mailId!: string;

  @IsUUID()
  @Describe('Account that the mail was meant for.')
  userId!: string;

  @IsIn(MAIL_TEMPLATES)
  @Describe('Which mail it was.')
  template!: MailTemplate;

  @IsUUID()
  @Describe('Id of the user, order or file that the mail is about.')
  about!: string;

  @IsInt()
  @Min(500)
  @Max(599)
  @Describe('Reply code of the mail server (RFC 5321), 500 to 599.', { unit: 'none' })
  smtpCode!: number;

  @IsTimestamp()
  @Describe('When the mail server refused it (RFC 3339, UTC).')
  failedAt!: string;
}
