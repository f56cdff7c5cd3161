import {
  contractOf,
  FileProcessedV1,
  FileRejectedV1,
  OrderConfirmedV1,
  OrderRejectedV1,
  UserRegisteredV1,
} from '@warren/contracts';
import { eventually, publishRaw } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { SendWelcomeV1 } from '../commands/send-welcome.v1.ts';
import { EmailServiceRig } from './email-service-rig.ts';

describe('mails', () => {
  let rig: EmailServiceRig;

  beforeAll(async () => {
    rig = await EmailServiceRig.start();
  });

  afterEach(() => {
    rig.smtp.script = {};
  });

  afterAll(() => rig.stop());

  it('greet a newcomer by name, once, and their acceptance is announced and kept', async () => {
    const { userId, email, eventId } = await rig.register('Grace Hopper');
    const mail = await rig.mailAbout(userId);
    expect(mail.to).toBe(email);
    expect(mail.headers.get('to')).toBe(`Grace Hopper <${email}>`);
    expect(mail.headers.get('from')).toBe('Warren <no-reply@warren.example>');
    expect(mail.text).toContain('Welcome, Grace Hopper');
    const messageId = `<${eventId}.welcome@warren.example>`;
    expect(mail.headers.get('message-id')).toBe(messageId);

    const sent = await rig.announced(userId);
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
    const [confirmed, rejected, processed, refused] = [uuidv7(), uuidv7(), uuidv7(), uuidv7()];
    const examples = {
      confirmed: contractOf(OrderConfirmedV1).example,
      rejected: contractOf(OrderRejectedV1).example,
      processed: contractOf(FileProcessedV1).example,
      refused: contractOf(FileRejectedV1).example,
    };
    const order = { customerId: userId };
    await rig.publish(OrderConfirmedV1, confirmed, { ...examples.confirmed, ...order, orderId: confirmed });
    await rig.publish(OrderRejectedV1, rejected, { ...examples.rejected, ...order, orderId: rejected });
    await rig.publish(FileProcessedV1, processed, {
      ...examples.processed,
      ownerId: userId,
      fileId: processed,
    });
    await rig.publish(FileRejectedV1, refused, { ...examples.refused, ownerId: userId, fileId: refused });

    const subjects = {
      [confirmed]: `Your order ${confirmed} is confirmed`,
      [rejected]: `Your order ${rejected} could not be placed`,
      [processed]: 'Your file holiday.jpg is processed',
      [refused]: 'Your file holiday.jpg could not be processed',
    };
    for (const [about, subject] of Object.entries(subjects)) {
      const mail = await rig.mailAbout(about);
      expect(mail.to).toBe(email);
      expect(mail.headers.get('subject')).toBe(subject);
      expect(mail.html).toContain(about);
      await expect(rig.announced(about)).resolves.toMatchObject({ type: 'email.sent.v1' });
    }
    expect((await rig.mailAbout(confirmed)).text).toContain('Total: €49.00');
  });

  it('wait for an address that comes after the order, and are then sent', async () => {
    const [userId, orderId] = [uuidv7(), uuidv7()];
    const order = { ...contractOf(OrderConfirmedV1).example, orderId, customerId: userId };
    await rig.until(1, 'retried', 'mails', () => rig.publish(OrderConfirmedV1, orderId, order));
    expect(rig.mailsAbout(orderId)).toEqual([]);
    const email = 'late@example.com';
    await rig.publish(UserRegisteredV1, userId, { ...contractOf(UserRegisteredV1).example, userId, email });
    expect((await rig.mailAbout(orderId, 30_000)).to).toBe(email);
  });

  it('are sent once when an event is delivered twice', async () => {
    const { userId } = await rig.register();
    const orderId = uuidv7();
    const order = { ...contractOf(OrderConfirmedV1).example, orderId, customerId: userId };
    await rig.until(2, 'duplicate', 'mails', async () => {
      const id = await rig.publish(OrderConfirmedV1, orderId, order);
      await rig.publish(OrderConfirmedV1, orderId, order, { id });
      await rig.announced(orderId);
      await rig.publish(OrderConfirmedV1, orderId, order, { id });
    });
    expect(rig.mailsAbout(orderId)).toHaveLength(1);
    await expect(rig.ledgerOf(orderId)).resolves.toMatchObject([{ status: 'sent', attempts: 1 }]);
  });

  it('are not sent again when another message asks for a mail that the ledger knows as sent', async () => {
    const { userId, eventId } = await rig.register();
    await rig.announced(userId);
    const again = { userId, eventId, registeredAt: '2026-01-15T09:30:00.000Z' };
    await rig.until(1, 'done', 'mails', () => rig.publish(SendWelcomeV1, userId, again));
    expect(rig.mailsAbout(userId)).toHaveLength(1);
    await expect(rig.ledgerOf(userId)).resolves.toMatchObject([{ status: 'sent', attempts: 1 }]);
  });

  it('go to the newest address, although an older event arrives after it', async () => {
    const userId = uuidv7();
    const user = { ...contractOf(UserRegisteredV1).example, userId };
    await rig.publish(UserRegisteredV1, userId, { ...user, email: 'new@example.com' }, { version: 2 });
    await rig.mailAbout(userId);
    await rig.until(1, 'done', 'registrations', () =>
      rig.publish(UserRegisteredV1, userId, { ...user, email: 'old@example.com' }, { version: 1 }),
    );
    const orderId = uuidv7();
    const order = { ...contractOf(OrderConfirmedV1).example, orderId, customerId: userId };
    await rig.publish(OrderConfirmedV1, orderId, order);
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
    const failed = await rig.announced(userId);
    const [row] = await rig.ledgerOf(userId);
    expect(row).toMatchObject({ status: 'failed', attempts: 1, smtp_code: 550 });
    expect(row!.reply).toContain('no such mailbox');
    expect(failed).toMatchObject({
      type: 'email.failed.v1',
      subject: row!.id,
      data: { mailId: row!.id, userId, template: 'welcome', about: userId, smtpCode: 550 },
    });
    expect(rig.deadLetters.all).toEqual([]);
  });

  it('are tried again when the server asks for patience', async () => {
    let greylisted = 0;
    rig.smtp.script = { recipient: () => (greylisted++ === 0 ? '451 4.7.1 greylisted' : undefined) };
    const { userId } = await rig.register();
    await eventually(async () => {
      const [row] = await rig.ledgerOf(userId);
      expect(row).toMatchObject({ status: 'pending', reply: expect.stringContaining('greylisted') });
    });
    await expect(rig.announced(userId, 30_000)).resolves.toMatchObject({ type: 'email.sent.v1' });
    expect(rig.mailsAbout(userId)).toHaveLength(1);
    await expect(rig.ledgerOf(userId)).resolves.toMatchObject([{ status: 'sent', attempts: 2 }]);
  });

  it('puts a message aside that can not be read, with the reason, and goes on with the next', async () => {
    await publishRaw(rig.broker.url, 'orders.events', 'order.confirmed.v1', 'not JSON');
    const dead = await rig.deadLetters.next();
    expect(dead.routingKey).toBe('email-service.mails');
    expect(JSON.stringify(dead.headers)).toContain('MalformedEnvelope');
    const { userId } = await rig.register();
    await rig.mailAbout(userId);
  });
});
