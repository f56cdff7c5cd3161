import {
  UserRegisteredV1,
  type DataClass,
  type EmailFailedV1,
  type EmailSentV1,
  type EventEnvelope,
} from '@warren/contracts';
import { startTestService, type TestService, type WaitOptions } from '@warren/service-testing';
import { eventually } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { emailService } from '../app.module.ts';
import { ScriptedSmtpServer, type ReceivedMail } from './scripted-smtp-server.ts';

export interface LedgerRow {
  id: string;
  status: string;
  attempts: number;
  message_id: string;
  smtp_code: number | null;
  reply: string | null;
}

/** An email-service on a broker and a database of its own, with a mail server that does what the test says. */
export class EmailServiceRig {
  private constructor(
    readonly bench: TestService,
    readonly smtp: ScriptedSmtpServer,
  ) {}

  static async start(): Promise<EmailServiceRig> {
    const smtp = await ScriptedSmtpServer.start();
    const bench = await startTestService(emailService, { environment: { WARREN_SMTP_URL: smtp.url } });
    return new EmailServiceRig(bench, smtp);
  }

  async stop(): Promise<void> {
    await this.bench.close();
    await this.smtp.refuse();
  }

  /** Registers somebody and returns the account, its address, and the event. */
  async register(displayName = 'Ada Lovelace') {
    const userId = uuidv7();
    const email = `${userId}@example.com`;
    const data = { userId, email, displayName, registeredAt: '2026-01-15T09:30:00.000Z' };
    const event = await this.bench.publish(UserRegisteredV1, data, { aggregateId: userId });
    return { userId, email, event };
  }

  /** The first mail that is about `about`, waiting for it if need be. */
  mailAbout(about: string, options?: WaitOptions): Promise<ReceivedMail> {
    return eventually(() => {
      const mail = this.mailsAbout(about)[0];
      if (!mail) throw new Error(`no mail about ${about}; subjects so far: ${this.#subjects()}`);
      return mail;
    }, options);
  }

  mailsAbout(about: string): ReceivedMail[] {
    return this.smtp.mails.filter(({ text }) => text.includes(about));
  }

  #subjects(): string {
    return this.smtp.mails.map(({ headers }) => headers.get('subject')).join(', ') || 'none';
  }

  /** The announcement that the mail about `about` was accepted, or was given up. */
  announced<T extends EmailSentV1 | EmailFailedV1>(
    as: DataClass<T>,
    about: string,
    options?: WaitOptions,
  ): Promise<EventEnvelope<T>> {
    return this.bench.published(as, ({ data }) => data.about === about, options);
  }

  ledgerOf(about: string): Promise<LedgerRow[]> {
    return this.bench.query<LedgerRow>(
      'SELECT id, status, attempts, message_id, smtp_code, reply FROM mails WHERE about = $1',
      [about],
    );
  }
}
