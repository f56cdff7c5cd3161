import { IsEmail, IsISO8601, IsUUID, Length } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { DefineEvent } from '../define-event.ts';

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
  @JSONSchema({ description: 'Id of the account; the subject of the event.' })
  userId!: string;

  @IsEmail()
  @Length(3, 254)
  @JSONSchema({ description: 'Mail address as the person typed it.' })
  email!: string;

  @Length(1, 100)
  @JSONSchema({ description: 'Name to greet the person by.' })
  displayName!: string;

  @IsISO8601({ strict: true })
  @JSONSchema({ description: 'When the account was made (RFC 3339, UTC).' })
  registeredAt!: string;
}
