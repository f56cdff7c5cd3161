import { IsUUID } from 'class-validator';
import { IsMailAddress, IsTimestamp } from '../constraints/text-formats.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineEvent } from '../define-event.ts';
import { Describe } from '../describe.ts';

@DefineEvent<UserRegisteredV1>({
  type: 'user.registered.v1',
  exchange: 'users.events',
  publishedBy: 'gateway',
  description: 'Somebody signed up. Carries what other services need to address the person.',
  example: {
    userId: '01912d68-783e-7a3c-8a2c-0c6e6f3f6a01',
    email: 'ada@example.com',
    displayName: 'Ada Lovelace',
    registeredAt: '2026-01-15T09:30:00.000Z',
  },
})
export class UserRegisteredV1 {
  @IsUUID()
  @Describe('Id of the account; the subject of the event.')
  userId!: string;

  @IsMailAddress()
  @TextLength(3, 254)
  @Describe('Mail address as the person typed it.')
  email!: string;

  @TextLength(1, 100)
  @Describe('Name to greet the person by.')
  displayName!: string;

  @IsTimestamp()
  @Describe('When the account was made (RFC 3339, UTC).')
  registeredAt!: string;
}
