import { urlOf } from '@warren/service';
import { EnvError, makeValidator } from 'envalid';

/** A mailbox as it stands in a From header. */
export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

const MAILBOX = /^(?:"?(?<name>[^"<>\p{Cc}]*?)"?\s*<(?<bracketed>[^<>\s]+)>|(?<bare>[^<>\s]+))$/u;
const ADDRESS = /^[^@\s]{1,64}@(?<domain>[a-z0-9](?:[a-z0-9.-]{0,180}[a-z0-9])?)$/i;

/** @throws EnvError unless `text` is an address or a name with an address */
export function mailboxOf(text: string): Mailbox {
  const { name = '', bracketed, bare } = MAILBOX.exec(text.trim())?.groups ?? {};
  const address = bracketed ?? bare ?? '';
  if (!ADDRESS.test(address)) {
    throw new EnvError(
      'must be an address or a name with an address, as in "Warren <no-reply@warren.example>"',
    );
  }
  return { name: name.trim(), address };
}

const mailbox = makeValidator<string>((input) => {
  mailboxOf(input);
  return input;
});

/** The domain part of an address. */
export function domainOf({ address }: Mailbox): string {
  return ADDRESS.exec(address)!.groups!['domain']!.toLowerCase();
}

/** Environment variables beside those that every service has. */
export const environment = {
  WARREN_SMTP_URL: urlOf(['smtp', 'smtps'], {
    default: 'smtp://127.0.0.1:7025',
    desc:
      "The mail server; user and password stand in the URL, and nodemailer's options in its query, " +
      'as in smtp://user:password@mail.example:587?requireTLS=true',
  }),
  WARREN_MAIL_FROM: mailbox({
    default: 'Warren <no-reply@warren.example>',
    desc: 'Who sends the mails: a name with an address; its domain stands in every Message-ID',
  }),
};
