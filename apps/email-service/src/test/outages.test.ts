import { contractOf, EmailSentV1, OrderConfirmedV1, UserRegisteredV1 } from '@warren/contracts';
import { Deliveries } from '@warren/messaging';
import type { TestService } from '@warren/service-testing';
import { eventually } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { SendWelcomeV1 } from '../commands/send-welcome.v1.ts';
import { EmailServiceRig } from './email-service-rig.ts';

describe('mails during outages', () => {
  let rig: EmailServiceRig;
  let bench: TestService;

  beforeEach(async () => {
    rig = await EmailServiceRig.start();
    bench = rig.bench;
  });

  afterEach(() => rig.stop());

  it('wait while the mail server is away, and each is sent once when it is back; addresses arrive meanwhile', async () => {
    await rig.smtp.refuse();
    const people = [];
    for (let i = 0; i < 12; i++) people.push(await rig.register(`Person ${i}`));
    await bench.handled(UserRegisteredV1, { times: people.length });
    const orderId = uuidv7();
    const order = { ...contractOf(OrderConfirmedV1).example, orderId, customerId: people[0]!.userId };
    await bench.publish(OrderConfirmedV1, order);
    await bench.ready({ timeoutMs: 1_000 });

    await rig.smtp.listen();
    for (const about of [orderId, ...people.map(({ userId }) => userId)]) {
      // Those that failed before the consumer paused wait in a retry queue of up to 38 seconds.
      await rig.announced(EmailSentV1, about, { timeoutMs: 60_000 });
      expect(rig.mailsAbout(about)).toHaveLength(1);
    }
    await bench.expectNothingLeft();
  }, 120_000);

  it('bear the same Message-ID when acceptance could not be recorded and the mail goes out again', async () => {
    rig.smtp.script = {
      accepted: async ({ text }) => {
        if (rig.smtp.mails.filter((mail) => mail.text === text).length === 1)
          await bench.network.refuse('database');
      },
    };
    const { userId: about } = await rig.register();
    await bench.handled(SendWelcomeV1, { outcome: 'retried' });
    await expect(rig.ledgerOf(about)).resolves.toMatchObject([{ status: 'pending' }]);
    await bench.network.restore('database');

    await rig.announced(EmailSentV1, about, { timeoutMs: 30_000 });
    const messageIds = rig.mailsAbout(about).map(({ headers }) => headers.get('message-id'));
    expect(messageIds).toHaveLength(2);
    expect(messageIds[0]).toBe(messageIds[1]);
    await expect(rig.ledgerOf(about)).resolves.toMatchObject([
      { status: 'sent', attempts: 2, message_id: messageIds[0] },
    ]);
  });

  it('are sent once although the broker hands the event over again during the conversation', async () => {
    let conversations = 0;
    rig.smtp.script = {
      accepted: async () => {
        conversations += 1;
        bench.network.cut('broker');
        // The answer is held back until the service has the event in hand for the second time.
        await bench.ready();
        await eventually(() => expect(bench.get(Deliveries).inHand).toBe(2));
      },
    };
    const { userId: about } = await rig.register();
    await bench.handled(SendWelcomeV1, { outcome: 'duplicate', timeoutMs: 30_000 });
    expect(conversations).toBe(1);
    expect(rig.mailsAbout(about)).toHaveLength(1);
    await expect(rig.ledgerOf(about)).resolves.toMatchObject([{ status: 'sent', attempts: 1 }]);
  });
});
