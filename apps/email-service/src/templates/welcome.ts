import type { UserRegisteredV1 } from '@warren/contracts';
import { facts, paragraph, type MailDocument } from './document.ts';
import { formatTime } from './formats.ts';

/** What a newcomer's mail is made from. */
type Newcomer = Pick<UserRegisteredV1, 'userId' | 'displayName' | 'registeredAt'>;

export function welcome(user: Newcomer): MailDocument {
  return {
    subject: 'Welcome to Warren',
    heading: `Welcome, ${user.displayName}`,
    blocks: [
      paragraph('Your account is ready. You can order from the catalogue and have files processed.'),
      facts(['Account', user.userId], ['Since', formatTime(user.registeredAt)]),
      paragraph('We write to this address about your orders and files.'),
    ],
  };
}
