import { Inject, Injectable, Logger } from '@nestjs/common';
import { EmailFailedV1, EmailSentV1, type MailTemplate } from '@warren/contracts';
import { Outbox, type MessageContext } from '@warren/messaging';
import { DataSource, type EntityManager } from 'typeorm';
import { MailDeferred, SmtpClient, type SmtpVerdict } from '../smtp/smtp-client.ts';
import { noteDelay, openEntry, settleEntry, type LedgerEntry } from '../storage/mail-ledger.ts';
import { recipientOf, type Recipient } from '../storage/recipients.ts';
import { oneLine, type MailDocument } from '../templates/document.ts';
import { renderHtml } from '../templates/render-html.ts';
import { renderText } from '../templates/render-text.ts';

/** Injection token of the domain that Message-IDs are made in. */
export const MESSAGE_ID_DOMAIN = Symbol('MESSAGE_ID_DOMAIN');

export interface Mail {
  /** Id of the event that the mail tells of. */
  readonly eventId: string;
  readonly template: MailTemplate;
  /** Id of the user, order or file that the mail is about. */
  readonly about: string;
  readonly recipient: Recipient;
  readonly document: MailDocument;
}

/** A mail about an event at hand. */
export interface Notice {
  readonly template: MailTemplate;
  /** Id of the order or file that the mail is about. */
  readonly about: string;
  /** Account that is told. */
  readonly userId: string;
  /** What the mail says, to somebody of this name. */
  readonly document: (displayName: string) => MailDocument;
}

/**
 * The path of every mail: open its ledger entry, talk to the mail server with no transaction open, then settle the
 * entry and announce the result in the transaction that claims the event.
 *
 * A mail that is known to be accepted or refused is never sent again. When the process dies after the server's
 * acceptance and before the commit, the event comes back and the mail is sent once more, with the same Message-ID,
 * by which mail programs and people recognise it.
 */
@Injectable()
export class MailDelivery {
  readonly #log = new Logger(MailDelivery.name);
  /** Deliveries of this process that have not ended, by Message-ID. */
  readonly #underway = new Map<string, Promise<void>>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly smtp: SmtpClient,
    private readonly outbox: Outbox,
    @Inject(MESSAGE_ID_DOMAIN) private readonly domain: string,
  ) {}

  /**
   * Tells a user of the event at hand.
   *
   * @throws MailDeferred, DependencyUnavailable, or when the user's address is not known yet: the mail has to wait
   */
  async tell(ctx: MessageContext, { template, about, userId, document }: Notice): Promise<void> {
    const recipient = await recipientOf(this.dataSource.manager, userId);
    const eventId = ctx.envelope.id;
    await this.deliver(ctx, {
      eventId,
      template,
      about,
      recipient,
      document: document(recipient.displayName),
    });
  }

  /**
   * @throws MailDeferred, DependencyUnavailable when the mail has to wait
   */
  async deliver(ctx: MessageContext, mail: Mail): Promise<void> {
    const messageId = `<${mail.eventId}.${mail.template}@${this.domain}>`;
    // After a broken connection the broker hands an event over again while its first delivery still talks to the
    // mail server. The second waits and then finds the ledger settled.
    for (let earlier; (earlier = this.#underway.get(messageId)) !== undefined;) {
      await Promise.allSettled([earlier]);
    }
    const delivery = this.#deliver(ctx, mail, messageId).finally(() => this.#underway.delete(messageId));
    this.#underway.set(messageId, delivery);
    await delivery;
  }

  async #deliver(ctx: MessageContext, mail: Mail, messageId: string): Promise<void> {
    const { eventId, template, about, recipient } = mail;
    const entry = await openEntry(this.dataSource.manager, {
      eventId,
      template,
      userId: recipient.userId,
      about,
      address: recipient.address,
      messageId,
    });
    if (entry.status !== 'pending') {
      this.#log.log(
        `mail ${entry.id} (${template} about ${about}) is ${entry.status} already and not sent again`,
      );
      await ctx.complete(async () => undefined);
      return;
    }
    const verdict = await this.#send(entry, mail, messageId);
    await ctx.complete((tx) => this.#settle(tx, entry, mail, messageId, verdict));
  }

  async #send(entry: LedgerEntry, { recipient, document }: Mail, messageId: string): Promise<SmtpVerdict> {
    try {
      return await this.smtp.send({
        to: { name: oneLine(recipient.displayName), address: recipient.address },
        subject: oneLine(document.subject),
        text: renderText(document),
        html: renderHtml(document),
        messageId,
      });
    } catch (error) {
      if (error instanceof MailDeferred) await noteDelay(this.dataSource.manager, entry.id, error.reply);
      throw error;
    }
  }

  async #settle(
    tx: EntityManager,
    { id: mailId }: LedgerEntry,
    { template, about, recipient: { userId } }: Mail,
    messageId: string,
    { accepted, code, reply }: SmtpVerdict,
  ): Promise<void> {
    const at = new Date().toISOString();
    const settlement = { status: accepted ? 'sent' : 'failed', smtpCode: code, reply, at } as const;
    await settleEntry(tx, mailId, settlement);
    const told = { mailId, userId, template, about };
    // A mail has one version: what became of it.
    if (accepted) {
      await this.outbox.append(tx, EmailSentV1, {
        subject: mailId,
        sequence: 1,
        data: { ...told, messageId, sentAt: at },
      });
    } else {
      this.#log.warn(`the mail server refused mail ${mailId} (${template} about ${about}): ${reply}`);
      await this.outbox.append(tx, EmailFailedV1, {
        subject: mailId,
        sequence: 1,
        data: { ...told, smtpCode: code, failedAt: at },
      });
    }
  }
}
