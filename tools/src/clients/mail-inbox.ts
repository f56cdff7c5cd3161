export interface Mail {
  subject: string;
  text?: string;
  html?: string;
  messageId?: string;
  to: { address: string; name?: string }[];
  headers: Record<string, unknown>;
}

/** What arrived at the mail server. */
export class MailInbox {
  readonly #url: string;
  constructor(url: string | null) {
    if (!url) throw new TypeError('the system under test has no inbox to look into');
    this.#url = url;
  }

  async all(): Promise<Mail[]> {
    const response = await fetch(new URL('/api/email', this.#url));
    if (!response.ok) throw new Error(`the inbox answered ${response.status}`);
    return (await response.json()) as Mail[];
  }

  /** Mails to an address, in the order of their arrival. */
  async to(address: string): Promise<Mail[]> {
    return (await this.all()).filter((mail) => mail.to.some((recipient) => recipient.address === address));
  }
}

/** Mails that differ: one that was sent again after a crash bears the same Message-ID. */
export function distinct(mails: readonly Mail[]): Mail[] {
  const byId = new Map(mails.map((mail) => [String(mail.headers['message-id'] ?? mail.messageId), mail]));
  return [...byId.values()];
}
