import type { NodemailerError } from 'nodemailer';

/**
 * What a failed conversation means for the mail, by its consequence:
 *
 * - `refused`: the mail server will never take this mail for this recipient. Final.
 * - `deferred`: the mail server asks to try this mail again later (greylisting, a full mailbox).
 * - `unavailable`: nothing was said about this mail. The server is away, closing, overloaded, or does not take us
 *   for a client it serves; the next mail would fare no better.
 */
export type SmtpFailure =
  | { readonly kind: 'refused'; readonly code: number; readonly reply: string }
  | { readonly kind: 'deferred'; readonly code: number; readonly reply: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** RFC 5321, 3.8: the server closes the channel, whatever it was asked. */
const SERVICE_CLOSING = 421;

/** RFC 5321, 4.2.2: "mailbox name not allowed", our own verdict on an address that can't stand in an envelope. */
const ADDRESS_UNUSABLE = 553;

/** Steps of the conversation at which a reply is about this recipient or this mail, and not about us. */
const ABOUT_THE_MAIL = new Set(['RCPT TO', 'DATA']);

/** A server's reply without the addresses that it likes to repeat: it goes to logs and dead letters. */
export function withoutAddresses(reply: string): string {
  return reply.replace(/<?[^\s<>@]+@[^\s<>@]+>?/g, '<address>');
}

/** @returns undefined for an error that doesn't come from a conversation with a mail server */
export function classify(error: NodemailerError): SmtpFailure | undefined {
  const { code, command, responseCode } = error;
  const reply = withoutAddresses(error.response ?? error.message);
  const unavailable: SmtpFailure = {
    kind: 'unavailable',
    reason: `${code}: ${withoutAddresses(error.message)}`,
  };
  switch (code) {
    case 'EENVELOPE':
    case 'EMESSAGE':
      if (responseCode === undefined) {
        return command === 'API' ? { kind: 'refused', code: ADDRESS_UNUSABLE, reply } : undefined;
      }
      if (responseCode === SERVICE_CLOSING) return unavailable;
      if (responseCode < 500 || !error.permanent) return { kind: 'deferred', code: responseCode, reply };
      // A server that will have nothing from this sender refuses every mail, and the mend is ours.
      return ABOUT_THE_MAIL.has(command ?? '') ? { kind: 'refused', code: responseCode, reply } : unavailable;
    case 'ECONNECTION':
    case 'ETIMEDOUT':
    case 'ESOCKET':
    case 'EDNS':
    case 'ETLS':
    case 'EREQUIRETLS':
    case 'EPROTOCOL':
    case 'EAUTH':
    case 'ENOAUTH':
    case 'EOAUTH2':
    case 'EPROXY':
    case 'EABORT':
      return unavailable;
    default:
      return undefined;
  }
}
