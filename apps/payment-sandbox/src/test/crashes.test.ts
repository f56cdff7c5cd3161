import { randomInt, randomUUID } from 'node:crypto';
import { eventually } from '@warren/testing';
import { CallbackReceiver, type ReceivedCallback } from './callback-receiver.ts';
import { SandboxProcess } from './sandbox-process.ts';
import { Shop } from './shop.ts';

const SLOW_MS = 1_000;
const PATIENCE = { timeoutMs: 60_000 };

let receiver: CallbackReceiver;
let sandbox: SandboxProcess;
let shop: Shop;
beforeAll(async () => {
  receiver = await CallbackReceiver.listen();
  sandbox = await SandboxProcess.start(receiver.url, { WARREN_SANDBOX_SLOW_MS: String(SLOW_MS) });
  shop = new Shop(sandbox);
});
afterEach(() => {
  receiver.reaction = () => 204;
});
afterAll(async () => {
  await sandbox?.remove();
  await receiver?.close();
});

const untilTold = (id: string, times: number): Promise<ReceivedCallback[]> =>
  eventually(() => {
    expect(receiver.about(id).length).toBeGreaterThanOrEqual(times);
    return receiver.about(id);
  }, PATIENCE);

/** The same event, word for word, signed anew. */
function expectRepetition([first, ...others]: ReceivedCallback[]): void {
  for (const other of others) {
    expect([other.webhookId, other.body]).toEqual([first!.webhookId, first!.body]);
    expect(other.timestamp).toBeGreaterThan(first!.timestamp);
  }
}

describe('a sandbox that is killed', () => {
  it('after it accepted a payment: decides and tells it when it is back', async () => {
    const { id } = (await shop.charge('tok_slow')).body;
    await sandbox.crash();
    const [callback] = await untilTold(id, 1);
    expect(callback!.event).toMatchObject({ type: 'payment.approved', payment: { id } });
  });

  it('after the outcome was there: tells it when it is back', async () => {
    await shop.faults({ callbackDelayMs: 2_000 });
    const { id } = (await shop.charge('tok_declined')).body;
    await eventually(async () => expect((await shop.payment(id)).body.status).toBe('declined'));
    expect(receiver.about(id)).toEqual([]);
    await sandbox.crash();
    expect((await shop.payment(id)).body.status).toBe('declined');
    const [callback] = await untilTold(id, 1);
    expect(callback!.event.type).toBe('payment.declined');
  });

  it('while a callback is not answered: sends the same again, signed anew', async () => {
    receiver.reaction = () => 'silence';
    const { id } = (await shop.charge('tok_ok')).body;
    await untilTold(id, 1);
    receiver.reaction = () => 204;
    await sandbox.crash();
    expectRepetition(await untilTold(id, 2));
  });

  it('between attempts: goes on until the callback is taken', async () => {
    receiver.reaction = () => 503;
    const { id } = (await shop.charge('tok_ok')).body;
    await untilTold(id, 1);
    await sandbox.crash();
    const refused = (await untilTold(id, 2)).length;
    receiver.reaction = () => 204;
    await sandbox.crash();
    const all = await untilTold(id, refused + 1);
    expectRepetition(all);
    // Another payment comes and is told, and this one is told no more.
    const next = (await shop.charge('tok_slow')).body;
    await untilTold(next.id, 1);
    expect(receiver.about(id)).toHaveLength(all.length);
  });

  it('after a callback was taken: sends at most the same again', async () => {
    const { id } = (await shop.charge('tok_ok')).body;
    await untilTold(id, 1);
    await sandbox.crash();
    const next = (await shop.charge('tok_slow')).body;
    await untilTold(next.id, 1);
    expect(new Set(receiver.about(id).map(({ body }) => body)).size).toBe(1);
  });

  it('before a call was answered: gives the answer to the same call again', async () => {
    await shop.faults({ callbackBeforeAnswer: true });
    receiver.reaction = () => 'silence';
    const reference = randomUUID();
    const cutOff = shop.charge('tok_ok', { reference }).then(
      () => 'answered',
      () => 'cut off',
    );
    const [{ event }] = (await eventually(() => {
      const about = receiver.received.filter((one) => one.event.payment.reference === reference);
      expect(about).toHaveLength(1);
      return about;
    })) as [ReceivedCallback];
    receiver.reaction = () => 204;
    await sandbox.crash();
    expect(await cutOff).toBe('cut off');
    const again = await shop.charge('tok_ok', { reference });
    expect(again).toMatchObject({ status: 201, body: { id: event.payment.id, status: 'pending' } });
    expect((await shop.list({ reference })).body.items).toMatchObject([
      { id: event.payment.id, status: 'approved' },
    ]);
    expectRepetition(await untilTold(event.payment.id, 2));
  });

  it('after a refund: has it, and it alone', async () => {
    const { id, amount } = (await shop.charge('tok_ok')).body;
    await eventually(async () => expect((await shop.payment(id)).body.status).toBe('approved'));
    const first = await shop.refund(id, amount, `${id}-refund`);
    await sandbox.crash();
    const again = await shop.refund(id, amount, `${id}-refund`);
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect((await shop.payment(id)).body.refunded).toEqual(amount);
  });

  it('again and again at any moment: every payment is there once, and told until it is taken', async () => {
    let count = 0;
    receiver.reaction = () => ((count += 1) % 3 === 0 ? 500 : 204);
    const references = Array.from({ length: 40 }, () => randomUUID());
    const tokenOf = (n: number) => (['tok_ok', 'tok_declined', 'tok_slow'] as const)[n % 3]!;
    const ids = new Map<string, string>();
    let answers = 0;
    let isOver = false;
    const charging = Promise.all(
      references.map((reference, n) =>
        eventually(
          async () => {
            const { status, body } = await shop.charge(tokenOf(n), { reference });
            expect(status).toBe(201);
            answers += 1;
            // What was answered once is never answered otherwise.
            expect(ids.get(reference) ?? body.id).toBe(body.id);
            ids.set(reference, body.id);
            if (!isOver) throw new Error('the same call again, as long as there are crashes');
          },
          { ...PATIENCE, intervalMs: 200 },
        ),
      ),
    );
    for (let crash = 0; crash < 5; crash += 1) {
      const enough = answers + randomInt(1, 60);
      await eventually(() => expect(answers).toBeGreaterThanOrEqual(enough), PATIENCE);
      await sandbox.crash();
    }
    isOver = true;
    await charging;
    for (const [n, reference] of references.entries()) {
      const { items } = (await shop.list({ reference })).body;
      expect(items).toMatchObject([{ id: ids.get(reference) }]);
      const callbacks = await untilTold(items[0]!.id, 1);
      expect(new Set(callbacks.map(({ body }) => body)).size).toBe(1);
      expect(callbacks[0]!.event.type).toBe(
        tokenOf(n) === 'tok_declined' ? 'payment.declined' : 'payment.approved',
      );
    }
  }, 180_000);
});

describe('a callback that is not taken', () => {
  it.each([302, 400, 410, 429, 500])('is sent again after an answer of %i', async (status) => {
    receiver.reaction = () => status;
    const { id } = (await shop.charge('tok_ok')).body;
    await untilTold(id, 1);
    receiver.reaction = () => 200;
    expectRepetition(await untilTold(id, 2));
  });

  it('is sent again when nobody is there, with pauses that grow', async () => {
    const away = await CallbackReceiver.listen();
    const { url } = away;
    await away.close();
    const lonely = await SandboxProcess.start(url);
    try {
      const { id } = (await new Shop(lonely).charge('tok_ok')).body;
      const pauses = await eventually(() => {
        const told = [
          ...lonely.output.matchAll(/was not taken: connect ECONNREFUSED.*?again in ([\d.]+) s/g),
        ];
        expect(told.length).toBeGreaterThanOrEqual(3);
        return told.slice(0, 3).map((match) => Number(match[1]));
      }, PATIENCE);
      for (const [n, pause] of pauses.entries()) {
        expect(pause).toBeGreaterThanOrEqual(2 ** n);
        expect(pause).toBeLessThanOrEqual(2 ** n * 1.25 + 0.1);
      }
      expect((await new Shop(lonely).payment(id)).body.status).toBe('approved');
    } finally {
      await lonely.remove();
    }
  });
});

describe('a sandbox that is asked to stop', () => {
  it('awaits what is in hand, ends with 0 and goes on the next time', async () => {
    const answered = Promise.withResolvers<number>();
    receiver.reaction = () => answered.promise;
    const { id } = (await shop.charge('tok_ok')).body;
    const waiting = (await shop.charge('tok_slow')).body;
    await untilTold(id, 1);
    const ended = sandbox.end('SIGTERM');
    await eventually(() => expect(sandbox.output).toContain('SIGTERM: stopping'));
    answered.resolve(204);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(sandbox.output).toContain('was taken');
    receiver.reaction = () => 204;
    await sandbox.start();
    await untilTold(waiting.id, 1);
    expect(receiver.about(id)).toHaveLength(1);
  });
});
