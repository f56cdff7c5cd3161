import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { DependencyUnavailable } from '@warren/messaging';
import { ScriptedSmtpServer } from '../test/scripted-smtp-server.ts';
import { MailDeferred, SmtpClient, type OutgoingMail } from './smtp-client.ts';

const MAIL: OutgoingMail = {
  to: { name: 'Ada Lovelace', address: 'ada@example.com' },
  subject: 'Hello',
  text: 'text\n',
  html: '<p>html</p>\n',
  messageId: '<1.welcome@warren.example>',
};

describe('the SMTP client', () => {
  let server: ScriptedSmtpServer;
  let client: SmtpClient;

  const clientFor = (url: string) =>
    new SmtpClient({ url, from: { name: 'Warren', address: 'no-reply@warren.example' }, connections: 2 });

  beforeAll(() => Logger.overrideLogger(false));

  beforeEach(async () => {
    server = await ScriptedSmtpServer.start();
    client = clientFor(server.url);
  });

  afterEach(async () => {
    client.onApplicationShutdown();
    await server.refuse();
  });

  it('hands over a mail with both parts, the given Message-ID and a mark that no person wrote it', async () => {
    await expect(client.send(MAIL)).resolves.toMatchObject({ accepted: true, code: 250 });
    const [mail] = server.mails;
    expect(mail!.to).toBe('ada@example.com');
    expect(mail!.text).toContain('text');
    expect(mail!.html).toContain('<p>html</p>');
    expect(Object.fromEntries(mail!.headers)).toMatchObject({
      from: 'Warren <no-reply@warren.example>',
      to: 'Ada Lovelace <ada@example.com>',
      subject: 'Hello',
      'message-id': '<1.welcome@warren.example>',
      'auto-submitted': 'auto-generated',
    });
    expect(client.status()).toMatchObject({ reachable: true });
  });

  it.each([
    ['the recipient', { recipient: () => '550 5.1.1 <ada@example.com> is not known here' }, 550],
    ['the content', { data: () => '554 5.6.0 content refused' }, 554],
  ])('reports a permanent refusal of %s with its code', async (_what, script, code) => {
    server.script = script;
    const verdict = await client.send(MAIL);
    expect(verdict).toMatchObject({ accepted: false, code });
    expect(verdict.reply).not.toContain('ada@example.com');
  });

  it.each([
    ['the recipient', { recipient: () => '451 4.7.1 greylisted, try later' }],
    ['the content', { data: () => '452 4.2.2 mailbox full' }],
    ['the sender', { mailFrom: () => '450 4.1.8 try later' }],
  ])('reports that the server asks for patience about %s', async (_what, script) => {
    server.script = script;
    await expect(client.send(MAIL)).rejects.toThrow(MailDeferred);
  });

  it.each([
    ['closes the service', { recipient: () => '421 4.3.2 shutting down' }],
    ['refuses the connection with a greeting', { greeting: () => '554 5.3.2 no service' }],
    ['takes nothing from our sender', { mailFrom: () => '550 5.7.1 sender refused' }],
  ])('reports the server as away when it %s', async (_what, script) => {
    server.script = script;
    await expect(client.send(MAIL)).rejects.toThrow(DependencyUnavailable);
    expect(client.status()).toMatchObject({ reachable: false });
  });

  it('reports a server that refuses connections as away, and uses it again when it is back', async () => {
    await client.send(MAIL);
    await server.refuse();
    await expect(client.send(MAIL)).rejects.toThrow(DependencyUnavailable);
    await server.listen();
    await expect(client.send(MAIL)).resolves.toMatchObject({ accepted: true });
    expect(client.status()).toMatchObject({ reachable: true });
  });

  it('reports a server that wants credentials which it then refuses as away', async () => {
    const url = new URL(server.url);
    url.username = 'warren';
    url.password = 'wrong';
    const authenticating = clientFor(url.href);
    await expect(authenticating.send(MAIL)).rejects.toThrow(DependencyUnavailable);
    authenticating.onApplicationShutdown();
  });

  it('does not repeat a mail by itself when the connection breaks before the answer', async () => {
    server.script = { accepted: (_mail, socket) => void socket.destroy() };
    await expect(client.send(MAIL)).rejects.toThrow(DependencyUnavailable);
    expect(server.mails).toHaveLength(1);
  });

  it('gives up on a server that accepts connections and never says a word', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const patient = clientFor(`smtp://127.0.0.1:${(mute.address() as AddressInfo).port}?greetingTimeout=200`);
    await expect(patient.send(MAIL)).rejects.toThrow(DependencyUnavailable);
    patient.onApplicationShutdown();
    mute.close();
  });

  it('can not be made to send another header by a name or a subject with line breaks', async () => {
    await client.send({
      ...MAIL,
      to: { name: 'Ada\r\nBcc: eve@example.com', address: 'ada@example.com' },
      subject: 'Hello\r\nX-Injected: yes\r\n\r\nbody',
    });
    const [mail] = server.mails;
    expect([...mail!.headers.keys()]).not.toContain('bcc');
    expect([...mail!.headers.keys()]).not.toContain('x-injected');
    expect(mail!.to).toBe('ada@example.com');
  });
});
