import {
  contractOf,
  EmailFailedV1,
  EmailSentV1,
  FileProcessedV1,
  FileRejectedV1,
  OrderCancelledV1,
  OrderConfirmedV1,
  OrderRejectedV1,
  UserRegisteredV1,
} from '@warren/contracts';
import type { TestService } from '@warren/service-testing';
import { eventually, publishRaw } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { SendWelcomeV1 } from '../commands/send-welcome.v1.ts';
import { EmailServiceRig } from './email-service-rig.ts';

describe('mails', () => {
  let rig: EmailServiceRig;
  let bench: TestService;

  beforeAll(async () => {
    rig = await EmailServiceRig.start();
    bench = rig.bench;
  });

  afterEach(() => {
    rig.smtp.script = {};
  });

  afterAll(() => rig.stop());

  const confirmOrder = (customerId: string, orderId: string) =>
    bench.publish(OrderConfirmedV1, { ...contractOf(OrderConfirmedV1).example, orderId, customerId });

  it('greet a newcomer by name, once, and their acceptance is announced and kept', async () => {
    const { userId, email, event } = await rig.register('Grace Hopper');
    const mail = await rig.mailAbout(userId);
    expect(mail.to).toBe(email);
    expect(mail.headers.get('to')).toBe(`Grace Hopper <${email}>`);
    expect(mail.headers.get('from')).toBe('Warren <no-reply@warren.example>');
    expect(mail.text).toContain('Welcome, Grace Hopper');
    const messageId = `<${event.id}.welcome@warren.example>`;
    expect(mail.headers.get('message-id')).toBe(messageId);

    const sent = await rig.announced(EmailSentV1, userId);
    const [row, ...others] = await rig.ledgerOf(userId);
    expect(others).toEqual([]);
    expect(row).toMatchObject({ status: 'sent', attempts: 1, message_id: messageId, smtp_code: 250 });
    expect(sent).toMatchObject({
      type: 'email.sent.v1',
      subject: row!.id,
      sequence: '0000000001',
      data: { mailId: row!.id, userId, template: 'welcome', about: userId, messageId },
    });
    expect(JSON.stringify(sent)).not.toContain('@example.com');
  });

  it('tell a customer and an owner how their orders and files ended, each by its full id', async () => {
    const { userId, email } = await rig.register();
    const [confirmed, rejected, cancelled] = [uuidv7(), uuidv7(), uuidv7()];
    const [processed, refused] = [uuidv7(), uuidv7()];
    const examples = {
      confirmed: contractOf(OrderConfirmedV1).example,
      rejected: contractOf(OrderRejectedV1).example,
      cancelled: contractOf(OrderCancelledV1).example,
      processed: contractOf(FileProcessedV1).example,
      refused: contractOf(FileRejectedV1).example,
    };
    const order = { customerId: userId };
    const file = { ownerId: userId };
    await bench.publish(OrderConfirmedV1, { ...examples.confirmed, ...order, orderId: confirmed });
    await bench.publish(OrderRejectedV1, { ...examples.rejected, ...order, orderId: rejected });
    await bench.publish(OrderCancelledV1, { ...examples.cancelled, ...order, orderId: cancelled });
    await bench.publish(FileProcessedV1, { ...examples.processed, ...file, fileId: processed });
    await bench.publish(FileRejectedV1, { ...examples.refused, ...file, fileId: refused });

    const subjects = {
      [confirmed]: `Your order ${confirmed} is confirmed`,
      [rejected]: `Your order ${rejected} could not be placed`,
      [cancelled]: `Your order ${cancelled} is cancelled`,
      [processed]: 'Your file holiday.jpg is processed',
      [refused]: 'Your file holiday.jpg could not be processed',
    };
    for (const [about, subject] of Object.entries(subjects)) {
      const mail = await rig.mailAbout(about);
      expect(mail.to).toBe(email);
      expect(mail.headers.get('subject')).toBe(subject);
      expect(mail.html).toContain(about);
      await rig.announced(EmailSentV1, about);
    }
    expect((await rig.mailAbout(confirmed)).text).toContain('Total: €49.00');
  });

  it('wait for an address that comes after the order, and are then sent', async () => {
    const [userId, orderId] = [uuidv7(), uuidv7()];
    const order = await confirmOrder(userId, orderId);
    await bench.handled(order, { outcome: 'retried' });
    expect(rig.mailsAbout(orderId)).toEqual([]);
    const email = 'late@example.com';
    await bench.publish(UserRegisteredV1, { ...contractOf(UserRegisteredV1).example, userId, email });
    expect((await rig.mailAbout(orderId, { timeoutMs: 30_000 })).to).toBe(email);
  });

  it('are sent once when an event is delivered twice', async () => {
    const { userId } = await rig.register();
    const orderId = uuidv7();
    const order = await confirmOrder(userId, orderId);
    await bench.redeliver(order);
    await rig.announced(EmailSentV1, orderId);
    await bench.redeliver(order);
    await bench.handled(order, { outcome: 'duplicate', times: 2 });
    expect(rig.mailsAbout(orderId)).toHaveLength(1);
    await expect(rig.ledgerOf(orderId)).resolves.toMatchObject([{ status: 'sent', attempts: 1 }]);
  });

  it('are not sent again when another message asks for a mail that the ledger knows as sent', async () => {
    const { userId, event } = await rig.register();
    await rig.announced(EmailSentV1, userId);
    const again = { userId, eventId: event.id, registeredAt: '2026-01-15T09:30:00.000Z' };
    await bench.handled(await bench.publish(SendWelcomeV1, again));
    expect(rig.mailsAbout(userId)).toHaveLength(1);
    await expect(rig.ledgerOf(userId)).resolves.toMatchObject([{ status: 'sent', attempts: 1 }]);
  });

  it('go to the newest address, although an older event arrives after it', async () => {
    const userId = uuidv7();
    const user = { ...contractOf(UserRegisteredV1).example, userId };
    await bench.publish(UserRegisteredV1, { ...user, email: 'new@example.com' }, { sequence: 2 });
    await rig.mailAbout(userId);
    const older = { ...user, email: 'old@example.com' };
    await bench.handled(await bench.publish(UserRegisteredV1, older, { sequence: 1 }));
    const orderId = uuidv7();
    await confirmOrder(userId, orderId);
    expect((await rig.mailAbout(orderId)).to).toBe('new@example.com');
  });

  it('come to no harm by a name with markup, line breaks and another header in it', async () => {
    const name = '"Ada" <eve@example.com>\r\nBcc: eve@example.com\r\n\r\n<script>alert(1)</script>';
    const { userId, email } = await rig.register(name);
    const mail = await rig.mailAbout(userId);
    expect(mail.to).toBe(email);
    expect([...mail.headers.keys()]).not.toContain('bcc');
    expect(mail.headers.get('to')!.endsWith(`<${email}>`)).toBe(true);
    expect(mail.html).not.toContain('<script>');
    expect(mail.html).toContain('&lt;script&gt;');
  });

  it('are given up with the code when the server refuses the recipient for good', async () => {
    rig.smtp.script = { recipient: () => '550 5.1.1 no such mailbox' };
    const { userId } = await rig.register();
    const failed = await rig.announced(EmailFailedV1, userId);
    const [row] = await rig.ledgerOf(userId);
    expect(row).toMatchObject({ status: 'failed', attempts: 1, smtp_code: 550 });
    expect(row!.reply).toContain('no such mailbox');
    expect(failed).toMatchObject({
      type: 'email.failed.v1',
      subject: row!.id,
      data: { mailId: row!.id, userId, template: 'welcome', about: userId, smtpCode: 550 },
    });
    expect(await bench.deadLetters()).toEqual([]);
  });

  it('are tried again when the server asks for patience', async () => {
    let greylisted = 0;
    rig.smtp.script = { recipient: () => (greylisted++ === 0 ? '451 4.7.1 greylisted' : undefined) };
    const { userId } = await rig.register();
    await eventually(async () => {
      const [row] = await rig.ledgerOf(userId);
      expect(row).toMatchObject({ status: 'pending', reply: expect.stringContaining('greylisted') });
    });
    await rig.announced(EmailSentV1, userId, { timeoutMs: 30_000 });
    expect(rig.mailsAbout(userId)).toHaveLength(1);
    await expect(rig.ledgerOf(userId)).resolves.toMatchObject([{ status: 'sent', attempts: 2 }]);
  });

  it('puts a message aside that can not be read, with the reason, and goes on with the next', async () => {
    await publishRaw(bench.broker.url, 'orders.events', 'order.confirmed.v1', 'not JSON');
    const [dead] = await eventually(async () => {
      const letters = await bench.deadLetters();
      expect(letters).toHaveLength(1);
      return letters;
    });
    expect(dead).toMatchObject({
      queue: 'email-service.mails',
      reason: 'malformed',
      error: { name: 'MalformedEnvelope' },
    });
    const { userId } = await rig.register();
    await rig.mailAbout(userId);
  });
});
