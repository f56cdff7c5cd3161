import {
  contractOf,
  formatSequence,
  UserRegisteredV1,
  type DataClass,
  type EventEnvelope,
} from '@warren/contracts';
import { startService, type RunningService } from '@warren/service';
import {
  captureMessages,
  createTcpProxy,
  createTestBroker,
  createTestDatabase,
  eventually,
  publishRaw,
  type CapturedMessages,
  type TcpProxy,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { emailService } from '../app.module.ts';
import { ScriptedSmtpServer, type ReceivedMail } from './scripted-smtp-server.ts';

/** Exchanges of the other services. */
const FOREIGN_EXCHANGES = ['users.events', 'orders.events', 'files.events'];

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
    readonly broker: TestBroker,
    readonly database: TestDatabase,
    /** Between the service and its database; the test itself doesn't go through it. */
    readonly databaseLink: TcpProxy,
    readonly smtp: ScriptedSmtpServer,
    readonly service: RunningService,
    readonly events: CapturedMessages,
    readonly deadLetters: CapturedMessages,
  ) {}

  static async start(): Promise<EmailServiceRig> {
    const [broker, database, smtp] = await Promise.all([
      createTestBroker(),
      createTestDatabase(),
      ScriptedSmtpServer.start(),
    ]);
    await database.query('CREATE SCHEMA email_service');
    const { hostname, port } = new URL(database.url);
    const databaseLink = await createTcpProxy(hostname, Number(port));
    for (const exchange of FOREIGN_EXCHANGES) {
      await broker.management.call('PUT', `/exchanges/${broker.vhost}/${exchange}`, {
        type: 'topic',
        durable: true,
      });
    }
    const service = await startService(emailService, {
      WARREN_DATABASE_URL: databaseLink.through(database.url),
      WARREN_AMQP_URL: broker.url,
      WARREN_HTTP_PORT: '0',
      WARREN_LOG_LEVEL: 'fatal',
      WARREN_SMTP_URL: smtp.url,
    });
    const events = await captureMessages(broker.url, 'emails.events', '#');
    const deadLetters = await captureMessages(broker.url, 'email-service.dead-letter', '#');
    const rig = new EmailServiceRig(broker, database, databaseLink, smtp, service, events, deadLetters);
    await rig.ready();
    return rig;
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await Promise.all([this.events.close(), this.deadLetters.close(), this.smtp.refuse()]);
    await Promise.all([this.broker.close(), this.database.close(), this.databaseLink.close()]);
  }

  async ready(): Promise<void> {
    await eventually(async () => {
      const answer = await fetch(`${this.service.url}/health/ready`);
      if (!answer.ok) throw new Error(await answer.text());
    });
  }

  /** Publishes an event as its owner would; with the same `id` it is the same event again. */
  async publish<T extends object>(
    dataClass: DataClass<T>,
    subject: string,
    data: T,
    { id = uuidv7(), version = 1 }: { id?: string; version?: number } = {},
  ): Promise<string> {
    const { type, exchange, publishedBy } = contractOf(dataClass);
    const envelope: EventEnvelope<T> = {
      specversion: '1.0',
      id,
      source: `/warren/${publishedBy}`,
      type,
      subject,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      dataschema: `http://127.0.0.1:7080/schemas/${type}.json`,
      sequence: formatSequence(version),
      correlationid: id,
      data,
    };
    await publishRaw(this.broker.url, exchange, type, envelope);
    return id;
  }

  /** Registers somebody and returns the account and its address. */
  async register(displayName = 'Ada Lovelace'): Promise<{ userId: string; email: string; eventId: string }> {
    const userId = uuidv7();
    const email = `${userId}@example.com`;
    const registeredAt = '2026-01-15T09:30:00.000Z';
    const eventId = await this.publish(UserRegisteredV1, userId, {
      userId,
      email,
      displayName,
      registeredAt,
    });
    return { userId, email, eventId };
  }

  /** The first mail that is about `about`, waiting for it if need be. */
  mailAbout(about: string, timeoutMs?: number): Promise<ReceivedMail> {
    return eventually(
      () => {
        const mail = this.mailsAbout(about)[0];
        if (!mail) throw new Error(`no mail about ${about}; subjects so far: ${this.#subjects()}`);
        return mail;
      },
      timeoutMs === undefined ? {} : { timeoutMs },
    );
  }

  mailsAbout(about: string): ReceivedMail[] {
    return this.smtp.mails.filter(({ text }) => text.includes(about));
  }

  #subjects(): string {
    return this.smtp.mails.map(({ headers }) => headers.get('subject')).join(', ') || 'none';
  }

  /** What became of the mail that is about `about`, as it was announced. */
  async announced(about: string, timeoutMs?: number): Promise<EventEnvelope<Record<string, unknown>>> {
    const message = await this.events.next(
      (candidate) => candidate.json<EventEnvelope<{ about: string }>>().data.about === about,
      timeoutMs,
    );
    return message.json();
  }

  async ledgerOf(about: string): Promise<LedgerRow[]> {
    return this.database.query<LedgerRow>(
      'SELECT id, status, attempts, message_id, smtp_code, reply FROM email_service.mails WHERE about = $1',
      [about],
    );
  }

  /** How many deliveries from this queue have ended in this way so far, as the service itself counts them. */
  async handled(queue: string, outcome: 'done' | 'duplicate' | 'retried'): Promise<number> {
    const metrics = await (await fetch(`${this.service.url}/metrics`)).text();
    const labels = `messaging_destination_name="email-service.${queue}",warren_outcome="${outcome}"`;
    const line = metrics
      .split('\n')
      .find((each) => each.startsWith('messaging_client_consumed_messages_total{') && each.includes(labels));
    return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ')));
  }

  /** Runs `work` and waits until `count` more deliveries from this queue have ended in this way. */
  async until(
    count: number,
    outcome: Parameters<EmailServiceRig['handled']>[1],
    queue: string,
    work: () => Promise<unknown>,
  ): Promise<void> {
    const before = await this.handled(queue, outcome);
    await work();
    await eventually(
      async () => {
        const more = (await this.handled(queue, outcome)) - before;
        if (more < count)
          throw new Error(`${more} deliveries from ${queue} ended as ${outcome}, not ${count}`);
      },
      { timeoutMs: 30_000 },
    );
  }
}
