import type { MailTemplate } from '@warren/contracts';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';

/**
 * What was mailed to whom, and its proof: one row for each mail, found by the event and the template it was made
 * from. Written before the conversation with the mail server and settled after it, so that a mail which is known to
 * be accepted or refused is never sent again.
 */
export interface LedgerEntry {
  /** Id of the mail. Stays the same however often it is tried. */
  readonly id: string;
  /**
   * `pending`: not known to be accepted or refused; a conversation may be going on, or its process died during one.
   * `sent`: the mail server accepted it. `failed`: the mail server refused it for good.
   */
  readonly status: 'pending' | 'sent' | 'failed';
  /** Conversations begun so far, this one included. */
  readonly attempts: number;
}

export interface NewMail {
  /** Id of the event that the mail tells of. */
  readonly eventId: string;
  readonly template: MailTemplate;
  readonly userId: string;
  /** Id of the user, order or file that the mail is about. */
  readonly about: string;
  readonly address: string;
  /** The Message-ID header. */
  readonly messageId: string;
}

export interface Settlement {
  readonly status: 'sent' | 'failed';
  /** Reply code of the mail server. */
  readonly smtpCode: number;
  /** The mail server's reply. */
  readonly reply: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Opens the entry of a mail, or counts one more attempt of it. A settled entry stays as it is. */
export async function openEntry(manager: EntityManager, mail: NewMail): Promise<LedgerEntry> {
  const rows: LedgerEntry[] = await manager.query(
    `INSERT INTO mails (id, event_id, template, user_id, about, address, message_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (event_id, template) DO UPDATE
       SET attempts = mails.attempts + (mails.status = 'pending')::integer
     RETURNING id, status, attempts`,
    [uuidv7(), mail.eventId, mail.template, mail.userId, mail.about, mail.address, mail.messageId],
  );
  return rows[0]!;
}

/** Writes down what the mail server answered, for good. */
export async function settleEntry(
  tx: EntityManager,
  id: string,
  { status, smtpCode, reply, at }: Settlement,
): Promise<void> {
  await tx.query(
    `UPDATE mails SET status = $2, smtp_code = $3, reply = $4, settled_at = $5
      WHERE id = $1 AND status = 'pending'`,
    [id, status, smtpCode, reply, at],
  );
}

/** Writes down why a mail is still pending. */
export async function noteDelay(manager: EntityManager, id: string, reason: string): Promise<void> {
  await manager.query(`UPDATE mails SET reply = $2 WHERE id = $1 AND status = 'pending'`, [id, reason]);
}
