import { randomUUID } from 'node:crypto';
import { eventually } from '@warren/testing';
import { NO_FAULTS } from '../faults.ts';
import { CallbackReceiver } from './callback-receiver.ts';
import { SandboxProcess } from './sandbox-process.ts';
import { Shop } from './shop.ts';

let receiver: CallbackReceiver;
let sandbox: SandboxProcess;
let shop: Shop;
beforeAll(async () => {
  receiver = await CallbackReceiver.listen();
  sandbox = await SandboxProcess.start(receiver.url);
  shop = new Shop(sandbox);
});
afterEach(async () => {
  receiver.reaction = () => 204;
  await shop.call('DELETE', '/sandbox/faults');
});
afterAll(async () => {
  await sandbox?.remove();
  await receiver?.close();
});

describe('faults on demand', () => {
  it('can be set, read and taken back; what is not named is off', async () => {
    const set = await shop.faults({ callbackCopies: 3, callbackDelayMs: 10 });
    expect(set).toMatchObject({
      status: 200,
      body: { ...NO_FAULTS, callbackCopies: 3, callbackDelayMs: 10 },
    });
    expect((await shop.call('GET', '/sandbox/faults')).body).toEqual(set.body);
    expect((await shop.faults({ callbackCopies: 2 })).body).toEqual({ ...NO_FAULTS, callbackCopies: 2 });
    expect((await shop.call('DELETE', '/sandbox/faults')).body).toEqual(NO_FAULTS);
  });

  it('failNextRequests: the next calls are answered 500 and have no effect', async () => {
    await shop.faults({ failNextRequests: 2 });
    const reference = randomUUID();
    const answer = await shop.charge('tok_ok', { reference });
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal-server-error' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect((await shop.list({ reference })).status).toBe(500);
    expect((await shop.list({ reference })).body.items).toEqual([]);
    expect((await shop.charge('tok_ok', { reference })).status).toBe(201);
  });

  it('failNextRequestsAfterEffect: calls are answered 500 although they had their effect', async () => {
    await shop.faults({ failNextRequestsAfterEffect: 2 });
    const reference = randomUUID();
    expect((await shop.charge('tok_other', { reference: randomUUID() })).status).toBe(402);
    expect((await shop.charge('tok_ok', { reference })).status).toBe(500);
    const [payment] = (await shop.list({ reference })).body.items;
    await eventually(() => expect(receiver.about(payment!.id)).toHaveLength(1));

    const key = randomUUID();
    expect((await shop.refund(payment!.id, payment!.amount, key)).status).toBe(500);
    expect((await shop.payment(payment!.id)).body.refunded).toEqual(payment!.amount);
    expect((await shop.refund(payment!.id, payment!.amount, key)).status).toBe(201);
    expect((await shop.charge('tok_ok', { reference })).body.id).toBe(payment!.id);
  });

  it('callbackDelayMs: an outcome is told later than it is there', async () => {
    await shop.faults({ callbackDelayMs: 1_000 });
    const { id } = (await shop.charge('tok_ok')).body;
    await eventually(async () => expect((await shop.payment(id)).body.status).toBe('approved'));
    await eventually(() => expect(receiver.about(id)).toHaveLength(1));
    const [callback] = receiver.about(id);
    expect(Date.now() - Date.parse(callback!.event.createdAt)).toBeGreaterThanOrEqual(1_000);
  });

  it('callbackCopies: each callback comes several times at once, all of them with one id', async () => {
    await shop.faults({ callbackCopies: 3 });
    const all = Promise.withResolvers<number>();
    receiver.reaction = () => all.promise;
    const { id } = (await shop.charge('tok_ok')).body;
    await eventually(() => expect(receiver.about(id)).toHaveLength(3));
    all.resolve(204);
    expect(new Set(receiver.about(id).map(({ webhookId }) => webhookId)).size).toBe(1);
  });

  it('callbackBeforeAnswer: the outcome is told, and taken, before the call is answered', async () => {
    await shop.faults({ callbackBeforeAnswer: true });
    const order: string[] = [];
    const taken = Promise.withResolvers<number>();
    receiver.reaction = ({ event }) => {
      order.push(event.type);
      return taken.promise;
    };
    const reference = randomUUID();
    const answered = shop.charge('tok_declined', { reference }).then((answer) => {
      order.push('answer');
      return answer;
    });
    await eventually(() => expect(order).toEqual(['payment.declined']));
    expect((await shop.list({ reference })).body.items).toMatchObject([{ status: 'declined' }]);
    order.push('taken');
    taken.resolve(204);
    expect(await answered).toMatchObject({ status: 201, body: { reference, status: 'pending' } });
    expect(order).toEqual(['payment.declined', 'taken', 'answer']);
    expect((await shop.charge('tok_never')).status).toBe(201);
  });

  it('reverseCallbacks: the outcome of the latest payment is told first', async () => {
    await shop.faults({ reverseCallbacks: 3 });
    const ids: string[] = [];
    const before = receiver.received.length;
    for (let n = 0; n < 3; n += 1) {
      const { id } = (await shop.charge('tok_ok')).body;
      await eventually(async () => expect((await shop.payment(id)).body.status).toBe('approved'));
      ids.push(id);
    }
    await eventually(() => expect(receiver.received).toHaveLength(before + 3));
    expect(receiver.received.slice(before).map(({ event }) => event.payment.id)).toEqual(ids.toReversed());
  });

  it('reverseCallbacks: what is held back comes after two seconds when no more follow', async () => {
    await shop.faults({ reverseCallbacks: 3 });
    const ids: string[] = [];
    const before = receiver.received.length;
    for (let n = 0; n < 2; n += 1) {
      const { id } = (await shop.charge('tok_ok')).body;
      await eventually(async () => expect((await shop.payment(id)).body.status).toBe('approved'));
      ids.push(id);
    }
    await eventually(() => expect(receiver.received).toHaveLength(before + 2));
    expect(receiver.received.slice(before).map(({ event }) => event.payment.id)).toEqual(ids.toReversed());
  });
});
