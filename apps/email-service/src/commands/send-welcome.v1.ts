import { DefineCommand, Describe, IsTimestamp } from '@warren/contracts';
import { IsUUID } from 'class-validator';

/**
 * Private to this service, so it isn't among the contracts that others build on: its exchange has the service's own
 * name, and nobody else may write there.
 */
@DefineCommand<SendWelcomeV1>({
  type: 'email.send-welcome.v1',
  exchange: 'email-service.commands',
  publishedBy: 'email-service',
  description: 'Asks for the welcome mail of an account whose address is known.',
  example: {
    userId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    eventId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a05',
    registeredAt: '2026-01-15T09:30:00.000Z',
  },
})
export class SendWelcomeV1 {
  @IsUUID()
  @Describe('Account to welcome.')
  userId!: string;

  @IsUUID()
  @Describe('Id of the user.registered.v1 that the mail tells of.')
  eventId!: string;

  @IsTimestamp()
  @Describe('When the account was made (RFC 3339, UTC).')
  registeredAt!: string;
}
