import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DependencyUnavailable } from '@warren/messaging';
import { createTransport, type NodemailerError } from 'nodemailer';
import { classify, withoutAddresses } from './smtp-failure.ts';

export interface SmtpOptions {
  /** `smtp://` or `smtps://`, with credentials and nodemailer's options as query where they are needed. */
  url: string;
  /** Who sends, for the From header and the envelope. */
  from: { name: string; address: string };
  /** Connections at most. Mails beyond that wait inside of the pool while their deadline runs. */
  connections: number;
}

export interface OutgoingMail {
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** With angle brackets. */
  readonly messageId: string;
}

/** The mail server's last word on a mail. */
export type SmtpVerdict =
  | { readonly accepted: true; readonly code: number; readonly reply: string }
  | { readonly accepted: false; readonly code: number; readonly reply: string };

/** The mail server asks to try this mail again later. */
export class MailDeferred extends Error {
  override readonly name = 'MailDeferred';
  constructor(readonly reply: string) {
    super(`the mail server asks for patience: ${reply}`);
  }
}

/** Whether the mail server can be reached, as far as the last mail told. */
export interface SmtpStatus {
  readonly reachable: boolean | undefined;
  /** Why not. */
  readonly reason?: string;
  /** When it was found out (RFC 3339, UTC). */
  readonly since?: string;
}

/**
 * In milliseconds. A server that accepts connections and then says nothing costs a mail the greeting's or the
 * socket's time, one that drips its replies the whole conversation's.
 */
const TIMEOUTS = { connection: 5_000, greeting: 10_000, socket: 30_000, conversation: 60_000 };

/** Sends mails over a pool of connections, and tells by class what became of them. */
export class SmtpClient implements OnApplicationShutdown {
  readonly #log = new Logger(SmtpClient.name);
  readonly #from: SmtpOptions['from'];
  readonly #transport: ReturnType<typeof openPool>;
  #status: SmtpStatus = { reachable: undefined };

  constructor(options: SmtpOptions) {
    this.#from = options.from;
    this.#transport = openPool(options);
  }

  /**
   * One conversation with the mail server about one mail. Never repeats it: whether a mail is sent again is decided
   * where the ledger is.
   *
   * @throws MailDeferred when the server asks to try again later
   * @throws DependencyUnavailable when nothing was said about this mail
   */
  async send(mail: OutgoingMail): Promise<SmtpVerdict> {
    try {
      const { response } = await this.#transport.sendMail({
        from: this.#from,
        to: { ...mail.to },
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        messageId: mail.messageId,
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal: AbortSignal.timeout(TIMEOUTS.conversation),
      });
      this.#note({ reachable: true });
      return {
        accepted: true,
        code: Number.parseInt(response, 10) || 250,
        reply: withoutAddresses(response),
      };
    } catch (error) {
      const failure = classify(error as NodemailerError);
      if (failure === undefined) throw error;
      if (failure.kind === 'unavailable') {
        this.#note({ reachable: false, reason: failure.reason });
        throw new DependencyUnavailable('smtp', { reason: failure.reason });
      }
      this.#note({ reachable: true });
      if (failure.kind === 'deferred') throw new MailDeferred(failure.reply);
      return { accepted: false, code: failure.code, reply: failure.reply };
    }
  }

  status(): SmtpStatus {
    return this.#status;
  }

  onApplicationShutdown(): void {
    this.#transport.close();
  }

  /** Logs only what changed: during an outage every mail tells the same. */
  #note(status: Pick<SmtpStatus, 'reachable' | 'reason'>): void {
    if (status.reachable === this.#status.reachable) return;
    this.#status = { ...status, since: new Date().toISOString() };
    if (status.reachable) this.#log.log('the mail server takes mails');
    else this.#log.warn(`the mail server can't be used, mails wait: ${status.reason}`);
  }
}

function openPool({ url, connections }: SmtpOptions) {
  return createTransport({
    url,
    pool: true,
    maxConnections: connections,
    // The pool repeats a mail by itself only when its connection closed before a byte of the mail was sent; once is
    // enough to get past a connection that the server had closed for idleness.
    maxRequeues: 1,
    connectionTimeout: TIMEOUTS.connection,
    greetingTimeout: TIMEOUTS.greeting,
    socketTimeout: TIMEOUTS.socket,
    dnsTimeout: TIMEOUTS.connection,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}
