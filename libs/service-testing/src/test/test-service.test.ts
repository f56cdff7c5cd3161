import { PermanentFailure } from '@warren/messaging';
import { eventually, publishRaw } from '@warren/testing';
import { startTestService, type TestService } from '../test-service.ts';
import {
  DoorOpenedV1,
  kiosk,
  Printer,
  SellTicketV1,
  TicketRefundedV1,
  TicketSoldV1,
} from './kiosk-service.ts';

describe('a service under test', () => {
  let bench: TestService;

  beforeEach(async () => {
    bench = await startTestService(kiosk);
  });

  afterEach(() => bench.close());

  const sell = (ticketId: string) => bench.publish(SellTicketV1, { ticketId, seats: 2 });
  const sales = () => bench.query('SELECT ticket_id, seats FROM sales');

  it('handles what the test publishes, and what it publishes itself is seen', async () => {
    const message = await bench.publish(
      SellTicketV1,
      { ticketId: 't-1', seats: 2 },
      { aggregateId: 'show-7', sequence: 4, correlationId: 'flow-1' },
    );
    expect(message.envelope).toMatchObject({
      subject: 'show-7',
      sequence: '0000000004',
      source: '/warren/box-office',
    });

    const [delivery] = await bench.handled(message);
    expect(delivery).toMatchObject({ queue: 'kiosk-service.sales', outcome: 'done', type: 'ticket.sell.v1' });
    expect(await sales()).toEqual([{ ticket_id: 't-1', seats: 2 }]);
    const sold = await bench.published(TicketSoldV1, ({ data }) => data.ticketId === 't-1');
    expect(sold).toMatchObject({ subject: 't-1', correlationid: 'flow-1', causationid: message.id });
    await bench.expectNothingLeft();
    expect(bench.publications(TicketSoldV1)).toHaveLength(1);
    expect(await bench.query('SELECT ticket_id FROM prints')).toEqual([{ ticket_id: 't-1' }]);
  });

  it('has the effect once when a message is delivered twice', async () => {
    const message = await sell('t-1');
    await bench.redeliver(message);
    await bench.handled(message);
    await bench.handled(message, { outcome: 'duplicate' });
    expect(await sales()).toHaveLength(1);
    await bench.expectNothingLeft();
  });

  it('tries a message again whose handler was made to fail, with nothing left of the first attempt', async () => {
    bench.failNext(SellTicketV1, new Error('the till is stuck'), { when: 'after' });
    const message = await sell('t-1');
    await bench.handled(message);
    expect(bench.deliveries(message)).toMatchObject([
      { outcome: 'retried', error: expect.objectContaining({ message: 'the till is stuck' }) },
      { outcome: 'done' },
    ]);
    expect(await sales()).toHaveLength(1);
    await bench.expectNothingLeft();
    expect(bench.publications(TicketSoldV1)).toHaveLength(1);
  });

  it('dead-letters a message whose every attempt was made to fail, and no other', async () => {
    bench.failNext(SellTicketV1, new Error('no paper'), {
      times: 2,
      where: ({ ticketId }) => ticketId === 't-1',
    });
    const [doomed, other] = [await sell('t-1'), await sell('t-2')];
    await bench.handled(doomed, { outcome: 'dead-lettered' });
    await bench.handled(other);
    expect(await bench.deadLetters('sales')).toMatchObject([
      { id: doomed.id, reason: 'attempts-exhausted', failedAttempts: 2, error: { message: 'no paper' } },
    ]);
    expect(await bench.deadLetters('kiosk-service.doors')).toEqual([]);
    expect(await sales()).toMatchObject([{ ticket_id: 't-2' }]);
  });

  it('gives up at once on the failure that says so, and lets a deferred handler fail after its effect', async () => {
    bench.failNext(SellTicketV1, new PermanentFailure('sold out'));
    const refused = await sell('t-1');
    await bench.handled(refused, { outcome: 'dead-lettered' });

    bench.failNext(DoorOpenedV1, undefined, { when: 'after' });
    const door = await bench.publish(DoorOpenedV1, { ticketId: 't-1' });
    await bench.handled(door, { outcome: 'duplicate' });
    expect(await bench.query('SELECT * FROM doors')).toHaveLength(1);
    expect(bench.get(Printer).pages).toBe(1);
  });

  it('lets a job fail by its name', async () => {
    bench.failNext('tickets.print', new Error('paper jam'));
    await sell('t-1');
    await bench.expectNothingLeft();
    expect(await bench.query('SELECT ticket_id FROM prints')).toHaveLength(1);
    expect(await bench.query('SELECT attempt FROM jobs')).toEqual([{ attempt: 2 }]);
  });

  it('is handed a message again by the broker when the connection is cut in the middle of its handler', async () => {
    const hold = bench.holdNext(SellTicketV1, { when: 'after' });
    const message = await sell('t-1');
    await hold.reached();
    expect(bench.network.cut('broker')).toBeGreaterThan(0);
    await bench.ready();
    hold.release();
    const [again] = await bench.handled(message, { outcome: 'duplicate', timeoutMs: 30_000 });
    expect(again).toMatchObject({ redelivered: true });
    expect(await sales()).toHaveLength(1);
  });

  it('keeps what it has to say while the broker is away', async () => {
    const hold = bench.holdNext(SellTicketV1);
    await sell('t-1');
    await hold.reached();
    await bench.network.refuse('broker');
    hold.release();
    await bench.handled(SellTicketV1);
    await expect(bench.published(TicketSoldV1, undefined, { timeoutMs: 500 })).rejects.toThrow(
      /outbox: 1 messages wait[^]*network: the broker refuses connections/,
    );
    await bench.network.restore('broker');
    await bench.published(TicketSoldV1, undefined, { timeoutMs: 30_000 });
  });

  it('waits for a database that answers late, and for one that is silent', async () => {
    bench.network.delay('database', 50);
    await bench.handled(await sell('t-1'));
    bench.network.blackhole('database');
    const message = await sell('t-2');
    await expect(bench.handled(message, { timeoutMs: 500 })).rejects.toThrow(
      'network: the database is silent',
    );
    await bench.network.restore();
    await bench.handled(message, { timeoutMs: 30_000 });
    expect(await sales()).toHaveLength(2);
  });

  it('takes up after a restart what came while it was stopped', async () => {
    await bench.handled(await sell('t-1'));
    await bench.stop();
    expect(() => bench.service).toThrow('kiosk-service is stopped');
    const message = await sell('t-2');
    await expect(bench.handled(message, { timeoutMs: 200 })).rejects.toThrow('kiosk-service is stopped');
    await bench.start();
    await bench.handled(message);
    await bench.restart();
    await bench.handled(await sell('t-3'));
    await bench.expectNothingLeft();
    expect(bench.publications(TicketSoldV1)).toHaveLength(3);
  });

  it('says what came instead of what a test waits for', async () => {
    bench.failNext(SellTicketV1, new PermanentFailure('sold out'));
    const refused = await sell('t-1');
    await bench.handled(refused, { outcome: 'dead-lettered' });
    await bench.handled(await sell('t-2'));
    await bench.published(TicketSoldV1);
    await eventually(async () => expect(await bench.query('SELECT 1 FROM prints')).toHaveLength(1));

    await expect(bench.published(TicketRefundedV1, undefined, { timeoutMs: 300 })).rejects.toMatchObject({
      name: 'WaitTimedOut',
      message: [
        'waited 0.3 s for ticket.refunded.v1 to be published',
        'published by kiosk-service meanwhile: ticket.sold.v1 ×1',
        'published by the test: ticket.sell.v1 ×2',
        'settled: ticket.sell.v1 dead-lettered in kiosk-service.sales ×1, ticket.sell.v1 done in kiosk-service.sales ×1',
        'failed with: PermanentFailure: sold out',
        'dead letter in kiosk-service.sales: ticket.sell.v1, permanent-failure, PermanentFailure: sold out',
      ].join('\n'),
    });
    await expect(
      bench.published(TicketSoldV1, ({ data }) => data.ticketId === 't-9', { timeoutMs: 300 }),
    ).rejects.toThrow('waited 0.3 s for ticket.sold.v1 that fulfils the condition to be published');
    await expect(bench.handled(refused, { timeoutMs: 300 })).rejects.toThrow(
      `waited 0.3 s for ticket.sell.v1 ${refused.id} to be done`,
    );
    await expect(bench.handled(SellTicketV1, { times: 3, timeoutMs: 300 })).rejects.toThrow(
      'to be done 3 times',
    );
  });

  it('says that the condition itself threw', async () => {
    await sell('t-1');
    await bench.published(TicketSoldV1);
    const broken = () => {
      throw new Error('no such field');
    };
    await expect(bench.published(TicketSoldV1, broken, { timeoutMs: 200 })).rejects.toThrow(
      'the condition itself threw: no such field',
    );
  });

  it('names what is left: dead letters, failures that never happened, messages that nobody took', async () => {
    await bench.handled(await sell('forged'), { outcome: 'dead-lettered' });
    bench.failNext(DoorOpenedV1);
    await bench.stop();
    const waiting = await sell('t-1');
    const failure = await bench.expectNothingLeft({ timeoutMs: 300 }).catch((error: Error) => error.message);
    for (const line of [
      'waited 0.3 s for nothing to be left; there is',
      '- kiosk-service.sales: 1 messages wait',
      `- ticket.sell.v1 ${waiting.id}: not settled`,
      '- dead letter in kiosk-service.sales: ticket.sell.v1, permanent-failure, PermanentFailure: that is no ticket',
      '- an injected fault that has not happened: 1 × door.opened.v1',
    ]) {
      expect(failure).toContain(line);
    }
  });

  it('counts a failed job as left', async () => {
    bench.failNext('tickets.print', new PermanentFailure('no printer'));
    await bench.handled(await sell('t-1'));
    await expect(bench.expectNothingLeft({ timeoutMs: 3_000 })).rejects.toThrow(
      /job tickets\.print \S+ has failed: .*no printer/,
    );
  });

  it('refuses to publish what its contract does not allow, or what the service does not consume', async () => {
    await expect(bench.publish(SellTicketV1, { ticketId: 't-1', seats: 0 })).rejects.toThrow(
      'data of ticket.sell.v1: /seats',
    );
    await expect(bench.publish(TicketSoldV1, { ticketId: 't-1' })).rejects.toThrow(
      'kiosk-service consumes no ticket.sold.v1: add it to "consumes" in its topology',
    );
    await expect(bench.deadLetters('nowhere')).rejects.toThrow(
      'kiosk-service has no queue "nowhere"; it has kiosk-service.sales, kiosk-service.doors',
    );
    expect(() => bench.failNext(SellTicketV1, undefined, { times: 0 })).toThrow('times must be at least 1');
  });

  it('sees bodies that are no messages end as dead letters', async () => {
    await publishRaw(bench.broker.url, 'tickets.commands', 'ticket.sell.v1', 'two tickets, please');
    await publishRaw(bench.broker.url, 'tickets.events', 'ticket.sold.v1', 'not JSON');
    await bench.handled(await sell('t-1'));
    await bench.published(TicketSoldV1);
    expect(await bench.deadLetters()).toMatchObject([{ reason: 'malformed' }]);
  });

  it('does not see the messages of another bench of the same service', async () => {
    const other = await startTestService(kiosk);
    try {
      await bench.handled(await sell('t-1'));
      await bench.published(TicketSoldV1);
      expect(other.deliveries()).toEqual([]);
      expect(other.publications(TicketSoldV1)).toEqual([]);
    } finally {
      await other.close();
    }
  });
});

it('leaves nothing behind, also of a service that can not start', async () => {
  const bench = await startTestService(kiosk);
  const { broker, database } = bench;
  bench.holdNext(SellTicketV1);
  await bench.publish(SellTicketV1, { ticketId: 't-1', seats: 1 });
  bench.network.blackhole('broker');
  await bench.close();
  await bench.close();
  await expect(broker.management.call('GET', `/vhosts/${broker.vhost}`)).rejects.toThrow('404');
  await expect(database.query('SELECT 1')).rejects.toThrow('does not exist');

  await expect(startTestService({ ...kiosk, controllers: [] })).rejects.toThrow('and nothing handles it');
});
