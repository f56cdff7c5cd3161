import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { parseMail, type ParsedMail } from './parse-mail.ts';

export interface ReceivedMail extends ParsedMail {
  /** Envelope recipient. */
  readonly to: string;
  readonly raw: string;
}

/** How the server answers; an answer is a reply code and text, as in `550 5.1.1 unknown`. Without one it accepts. */
export interface SmtpScript {
  greeting?: () => string | undefined;
  mailFrom?: () => string | undefined;
  recipient?: (address: string) => string | undefined;
  /** Asked after the whole mail was received; a mail that is answered with anything but acceptance isn't kept. */
  data?: (mail: ReceivedMail) => string | undefined;
  /** Called when a mail is accepted and before the server says so; `socket` is its connection. */
  accepted?: (mail: ReceivedMail, socket: Socket) => void | Promise<void>;
}

/** A real SMTP server on a free port that keeps what it accepts and answers as the test's script says. */
export class ScriptedSmtpServer {
  readonly mails: ReceivedMail[] = [];
  /** May be replaced at any time. */
  script: SmtpScript = {};
  #server: SMTPServer | undefined;
  #port = 0;
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<ScriptedSmtpServer> {
    const server = new ScriptedSmtpServer();
    await server.listen();
    return server;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.#port}`;
  }

  mailsTo(address: string): ReceivedMail[] {
    return this.mails.filter(({ to }) => to === address);
  }

  /** Listens again, on the same port as before. */
  async listen(): Promise<void> {
    const server = this.#makeServer();
    server.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('error', () => undefined); // clients that hang up
    server.listen(this.#port, '127.0.0.1');
    await once(server.server, 'listening');
    this.#port = (server.server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts all connections and refuses new ones. */
  async refuse(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #makeServer(): SMTPServer {
    return new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      logger: false,
      onConnect: (_session, callback) => callback(asError(this.script.greeting?.())),
      onMailFrom: (_address, _session, callback) => callback(asError(this.script.mailFrom?.())),
      onRcptTo: ({ address }, _session, callback) => callback(asError(this.script.recipient?.(address))),
      onData: (stream, session, callback) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.once('end', () => {
          const raw = Buffer.concat(chunks).toString('utf8');
          const mail = { ...parseMail(raw), raw, to: session.envelope.rcptTo[0]?.address ?? '' };
          const refusal = this.script.data?.(mail);
          if (refusal !== undefined) return callback(asError(refusal));
          this.mails.push(mail);
          const socket = [...this.#sockets].find(({ remotePort }) => remotePort === session.remotePort)!;
          Promise.resolve(this.script.accepted?.(mail, socket)).then(() => callback(), callback);
        });
      },
    });
  }
}

function asError(answer: string | undefined): Error | null {
  if (answer === undefined) return null;
  const [, code, text] = /^(\d{3}) (.*)$/.exec(answer)!;
  return Object.assign(new Error(text), { responseCode: Number(code) });
}
