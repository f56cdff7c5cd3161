import { contractOf, OrderConfirmedV1 } from '@warren/contracts';
import { eventually } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { EmailServiceRig } from './email-service-rig.ts';

describe('mails during outages', () => {
  let rig: EmailServiceRig;

  beforeEach(async () => {
    rig = await EmailServiceRig.start();
  });

  afterEach(() => rig.stop());

  it('wait while the mail server is away, and each is sent once when it is back; addresses arrive meanwhile', async () => {
    await rig.smtp.refuse();
    const people = [];
    for (let i = 0; i < 12; i++) people.push(await rig.register(`Person ${i}`));
    await eventually(async () => {
      const [row] = await rig.database.query<{ count: number }>(
        'SELECT count(*)::integer AS count FROM email_service.recipients',
      );
      expect(row!.count).toBe(people.length);
    });
    const orderId = uuidv7();
    const order = { ...contractOf(OrderConfirmedV1).example, orderId, customerId: people[0]!.userId };
    await rig.publish(OrderConfirmedV1, orderId, order);
    const ready = await fetch(`${rig.service.url}/health/ready`);
    expect(ready.status).toBe(200);

    await rig.smtp.listen();
    for (const about of [orderId, ...people.map(({ userId }) => userId)]) {
      // Those that failed before the consumer paused wait in a retry queue of up to 38 seconds.
      await expect(rig.announced(about, 60_000)).resolves.toMatchObject({ type: 'email.sent.v1' });
      expect(rig.mailsAbout(about)).toHaveLength(1);
    }
    expect(rig.deadLetters.all).toEqual([]);
  }, 120_000);

  it('bear the same Message-ID when acceptance could not be recorded and the mail goes out again', async () => {
    rig.smtp.script = {
      accepted: async ({ text }) => {
        if (rig.smtp.mails.filter((mail) => mail.text === text).length === 1) await rig.databaseLink.refuse();
      },
    };
    let about = '';
    await rig.until(1, 'retried', 'mails', async () => {
      about = (await rig.register()).userId;
    });
    await expect(rig.ledgerOf(about)).resolves.toMatchObject([{ status: 'pending' }]);
    await rig.databaseLink.restore();

    await rig.announced(about, 30_000);
    const messageIds = rig.mailsAbout(about).map(({ headers }) => headers.get('message-id'));
    expect(messageIds).toHaveLength(2);
    expect(messageIds[0]).toBe(messageIds[1]);
    await expect(rig.ledgerOf(about)).resolves.toMatchObject([
      { status: 'sent', attempts: 2, message_id: messageIds[0] },
    ]);
  });

  it('are sent once although the broker hands the event over again during the conversation', async () => {
    rig.smtp.script = {
      accepted: async () => {
        await rig.broker.closeConnections();
        // The answer is held back until the event is in the service's hands for the second time.
        await rig.ready();
        await eventually(async () => {
          const queue = await rig.broker.management.call<{ messages_unacknowledged: number }>(
            'GET',
            `/queues/${rig.broker.vhost}/email-service.mails`,
          );
          expect(queue.messages_unacknowledged).toBe(1);
        });
      },
    };
    let about = '';
    await rig.until(1, 'duplicate', 'mails', async () => {
      about = (await rig.register()).userId;
    });
    expect(rig.mailsAbout(about)).toHaveLength(1);
    await expect(rig.ledgerOf(about)).resolves.toMatchObject([{ status: 'sent', attempts: 1 }]);
  });
});
