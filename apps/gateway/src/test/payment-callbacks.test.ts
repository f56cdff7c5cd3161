import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import type { RunningService } from '@warren/service';
import { captureMessages, eventually, type CapturedMessages } from '@warren/testing';
import {
  CALLBACK_SECRET,
  capturedLog,
  FORMER_CALLBACK_SECRET,
  GatewayUnderTest,
  type Answer,
} from './gateway-under-test.ts';
import { startOrderServiceStandIn } from './order-service-stand-in.ts';
import { attemptOf, callback, now, send, type Attempt } from './payment-provider.ts';

let gateway: GatewayUnderTest;
let replica: RunningService;
let orderService: RunningService;
let commands: CapturedMessages;
const { lines: logLines, logger } = capturedLog();

beforeAll(async () => {
  gateway = await GatewayUnderTest.start({}, undefined, { logger });
  replica = await gateway.startReplica();
  orderService = await startOrderServiceStandIn(gateway);
  commands = await captureMessages(gateway.broker.url, 'orders.commands', 'order.record-payment.#');
});

afterAll(async () => {
  await commands?.close();
  await orderService?.stop();
  await replica?.stop();
  await gateway?.stop();
});

/** What order-service is told of a callback, once nothing is on its way any more. */
async function toldOf(callbackId: string): Promise<unknown[]> {
  await eventually(async () => expect(await gateway.count('outbox')).toBe(0));
  return commands.all
    .map(({ json }) => json<{ data: { callbackId: string } }>())
    .filter(({ data }) => data.callbackId === callbackId);
}

async function remembered(): Promise<object> {
  await eventually(async () => expect(await gateway.count('outbox')).toBe(0));
  return gateway.counts('payment_callbacks', 'payment_callback_requests');
}

const sendToReplica = ({ headers, body }: Attempt): Promise<Response> =>
  fetch(`${replica.url}/v1/payment-callbacks`, { method: 'POST', headers, body });

async function expectRefused(answer: Promise<Answer>, status: number, type: string): Promise<Answer> {
  const before = await remembered();
  const { body, ...rest } = await answer;
  expect({ status: rest.status, type: body.type }).toEqual({ status, type: `/problems/${type}` });
  expect(await remembered()).toEqual(before);
  return { body, ...rest };
}

describe('a signed callback', () => {
  it.each(['approved', 'declined'])('is told to order-service: %s', async (outcome) => {
    const event = callback({ type: `payment.${outcome}` });
    const { status, headers, body } = await send(gateway, attemptOf(event));
    expect({ status, body }).toEqual({ status: 202, body: '' });
    const command = await commands.next(({ json }) => json<any>().subject === event.payment.reference);
    expect(command.routingKey).toBe('order.record-payment.v1');
    expect(command.json()).toMatchObject({
      sequence: '0000000000',
      correlationid: headers.get('x-request-id'),
      data: {
        orderId: event.payment.reference,
        paymentId: event.payment.id,
        outcome,
        amount: { amount: 4900, currency: 'EUR' },
        callbackId: event.id,
        occurredAt: '2026-01-15T09:31:02.000Z',
      },
    });
  });

  it('may be signed with the secret of before, or with both', async () => {
    const former = callback();
    expect((await send(gateway, attemptOf(former, { secret: FORMER_CALLBACK_SECRET }))).status).toBe(202);

    const both = attemptOf(callback());
    const { 'webhook-id': id, 'webhook-timestamp': at } = both.headers;
    const other = attemptOf({ id: id! }, { at: Number(at), secret: FORMER_CALLBACK_SECRET, body: both.body });
    both.headers['webhook-signature'] += ` ${other.headers['webhook-signature']}`;
    expect((await send(gateway, both)).status).toBe(202);
    // Whoever recorded it gains nothing by leaving one of the two out.
    expect((await send(gateway, other)).status).toBe(409);
  });

  it('is taken with fields that nobody here knows, in whatever way its JSON is written', async () => {
    const event = { ...callback(), livemode: false, constructorName: 'x' };
    const pretty = attemptOf(event, { body: `\n${JSON.stringify(event, null, 4)}  ` });
    expect((await send(gateway, pretty)).status).toBe(202);
    expect(await toldOf(event.id)).toHaveLength(1);
  });

  it('names the order as order-service does, also when the provider writes it in capitals', async () => {
    const event = callback();
    const orderId = event.payment.reference;
    event.payment.reference = orderId.toUpperCase();
    await send(gateway, attemptOf(event));
    expect(await toldOf(event.id)).toMatchObject([{ subject: orderId, data: { orderId } }]);
  });

  it('of an unknown type is taken without effect, and is new to a gateway that knows its type', async () => {
    const event = callback({ type: 'payment.disputed' });
    const attempt = attemptOf({ id: event.id, type: event.type, dispute: {} });
    expect((await send(gateway, attempt)).status).toBe(202);
    await expectRefused(send(gateway, attempt), 409, 'callback-replayed');
    expect(await toldOf(event.id)).toEqual([]);

    await send(gateway, attemptOf({ ...event, type: 'payment.approved' }));
    expect(await toldOf(event.id)).toHaveLength(1);
  });

  it('leaves nothing behind when the outbox refuses the command, and is taken when it is repeated', async () => {
    const event = callback();
    const attempt = attemptOf(event);
    await gateway.database.query(
      `ALTER TABLE gateway.outbox ADD CONSTRAINT none CHECK (routing_key <> 'order.record-payment.v1') NOT VALID`,
    );
    try {
      await expectRefused(send(gateway, attempt), 500, 'internal');
    } finally {
      await gateway.database.query('ALTER TABLE gateway.outbox DROP CONSTRAINT none');
    }
    expect((await send(gateway, attempt)).status).toBe(202);
    expect(await toldOf(event.id)).toHaveLength(1);
  });
});

describe('a callback that is sent again', () => {
  it('as it was is refused: somebody has recorded it', async () => {
    const event = callback();
    const attempt = attemptOf(event);
    await send(gateway, attempt);
    const { body } = await expectRefused(send(gateway, attempt), 409, 'callback-replayed');
    expect(body.detail).toContain(event.id);
    expect((await sendToReplica(attempt)).status).toBe(409);
    expect(await toldOf(event.id)).toHaveLength(1);
  });

  it('with a new time is a repetition by the provider, which had no answer', async () => {
    const event = callback();
    for (const at of [now() - 2, now() - 1, now()]) {
      expect((await send(gateway, attemptOf(event, { at }))).status).toBe(202);
    }
    expect(await toldOf(event.id)).toHaveLength(1);
  });

  it('as it was, 50 times at once to two replicas, is one command and one 202', async () => {
    const event = callback();
    const attempt = attemptOf(event);
    const statuses = await Promise.all(
      Array.from({ length: 50 }, async (_, i) =>
        i % 2 === 0 ? (await send(gateway, attempt)).status : (await sendToReplica(attempt)).status,
      ),
    );
    expect(statuses.filter((status) => status === 202)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(49);
    expect(await toldOf(event.id)).toHaveLength(1);
  });

  it('with 50 new times, all at once to two replicas is one command and 50 times 202', async () => {
    const event = callback();
    const statuses = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const attempt = attemptOf(event, { at: now() - i });
        return i % 2 === 0 ? (await send(gateway, attempt)).status : (await sendToReplica(attempt)).status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([202]));
    expect(await toldOf(event.id)).toHaveLength(1);
  });
});

describe('what is remembered of callbacks', () => {
  it('is removed by age: ids after 30 days, requests when their time is not accepted any more', async () => {
    const [old, recent] = [callback(), callback()];
    await send(gateway, attemptOf(old, { at: now() - 290 }));
    await send(gateway, attemptOf(recent));
    const age = (id: string, days: number) =>
      gateway.database.query(
        `UPDATE gateway.payment_callbacks SET taken_at = now() - $2 * interval '1 day' WHERE id = $1`,
        [id, days],
      );
    await age(old.id, 30.01);
    await age(recent.id, 29.99);
    await gateway.database.query(
      `UPDATE gateway.payment_callback_requests SET sent_at = sent_at - interval '311 seconds'
        WHERE sent_at < now() - interval '280 seconds'`,
    );
    const requests = await gateway.count('payment_callback_requests');

    const another = await gateway.startReplica();
    try {
      await eventually(async () => {
        const left = await gateway.database.query<{ id: string }>(
          'SELECT id FROM gateway.payment_callbacks WHERE id = ANY ($1)',
          [[old.id, recent.id]],
        );
        expect(left).toEqual([{ id: recent.id }]);
        expect(await gateway.count('payment_callback_requests')).toBe(requests - 1);
      });
    } finally {
      await another.stop();
    }
  });
});

describe('a callback that is not signed as it has to be', () => {
  const refused = (attempt: Attempt) => expectRefused(send(gateway, attempt), 401, 'invalid-signature');

  const changed = (change: Record<string, string | undefined>): Attempt => {
    const attempt = attemptOf(callback());
    const headers = Object.entries({ ...attempt.headers, ...change }).filter(
      ([, value]) => value !== undefined,
    );
    return { ...attempt, headers: Object.fromEntries(headers) as Record<string, string> };
  };

  it('is refused in the same words, whatever is wrong with it', async () => {
    const event = callback();
    const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const attempts: Attempt[] = [
      changed({ 'webhook-id': undefined }),
      changed({ 'webhook-timestamp': undefined }),
      changed({ 'webhook-signature': undefined }),
      changed({ 'webhook-id': '' }),
      changed({ 'webhook-id': 'evt_other' }),
      changed({ 'webhook-id': 'evt.1' }),
      changed({ 'webhook-timestamp': 'now' }),
      changed({ 'webhook-timestamp': String(now() + 1) }),
      changed({ 'webhook-signature': 'v1,' }),
      changed({ 'webhook-signature': 'x'.repeat(10_000) }),
      changed({ 'webhook-signature': 'v1,'.repeat(3_000) }),
      attemptOf(event, { secret: otherSecret }),
      attemptOf(event, { at: now() - 302 }),
      attemptOf(event, { at: now() + 302 }),
      { ...attemptOf(event), body: JSON.stringify({ ...event, type: 'payment.declined' }) },
      { ...attemptOf(event), body: `${JSON.stringify(event)} ` },
      { ...attemptOf(event), body: '' },
      { ...attemptOf(event), body: '{' },
    ];
    const answers: unknown[] = [];
    for (const attempt of attempts) {
      const { instance: _instance, ...told } = (await refused(attempt)).body;
      answers.push(told);
    }
    expect(new Set(answers.map((told) => JSON.stringify(told))).size).toBe(1);
    expect(await toldOf(event.id)).toEqual([]);
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'is refused with two of %s',
    async (name) => {
      const { headers, body } = attemptOf(callback());
      const fields = [...Object.entries(headers), [name, headers[name]!]].map((field) => field.join(': '));
      const { status, body: problem } = await gateway.raw(
        ['POST /v1/payment-callbacks HTTP/1.1', 'host: x', 'connection: close', ...fields].join('\r\n'),
        `\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      expect(status).toBe(401);
      expect(JSON.parse(problem)).toMatchObject({ type: '/problems/invalid-signature' });
    },
  );

  it('is refused when one byte of it is another', async () => {
    const attempt = attemptOf(callback());
    const before = await remembered();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('body', 'webhook-id', 'webhook-timestamp', 'webhook-signature'),
        fc.nat(),
        fc.stringMatching(/^[!-~]$/),
        async (field, position, byte) => {
          const text = field === 'body' ? attempt.body : attempt.headers[field]!;
          const at = position % text.length;
          const other = `${text.slice(0, at)}${byte}${text.slice(at + 1)}`;
          fc.pre(other !== text);
          const forged =
            field === 'body'
              ? { ...attempt, body: other }
              : { ...attempt, headers: { ...attempt.headers, [field]: other } };
          expect((await send(gateway, forged)).status).toBe(401);
        },
      ),
      { numRuns: 150 },
    );
    expect(await remembered()).toEqual(before);
    expect((await send(gateway, attempt)).status).toBe(202);
  });

  it('is told in the log with the reason, and without the secret and the body', async () => {
    logLines.length = 0;
    const event = callback();
    for (const attempt of [
      attemptOf(event, { at: now() - 400 }),
      { ...attemptOf(event), body: JSON.stringify({ ...event, forged: true }) },
      attemptOf(event),
      attemptOf({ id: 'evt_unknown_type', type: 'payment.disputed', more: event.payment.id }),
    ]) {
      await send(gateway, attempt);
    }
    const log = logLines.join('');
    const warnings = logLines
      .map((line) => JSON.parse(line) as { level: string; msg: string; context: string })
      .filter(({ level, context }) => level === 'warn' && context === 'PaymentCallbacksController');
    expect(warnings.map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^refused a payment callback: it is signed, and 40\d s old/),
      'refused a payment callback: no signature is made with one of the 2 secrets',
      'took a callback of a type that means nothing here: "payment.disputed"',
    ]);
    for (const secret of [
      CALLBACK_SECRET.slice('whsec_'.length),
      FORMER_CALLBACK_SECRET.slice('whsec_'.length),
      event.payment.id,
      event.payment.reference,
      'forged',
    ]) {
      expect(log).not.toContain(secret);
    }
  });
});

describe('a signed body that is not what the protocol says', () => {
  const event = callback();
  const { payment } = event;

  it.each<[string, object, string]>([
    ['no type', { type: undefined }, '/type'],
    ['a type that is a number', { type: 1 }, '/type'],
    ['another id than webhook-id', { id: 'evt_other' }, '/id'],
    ['no id', { id: undefined }, '/id'],
    ['no time', { createdAt: undefined }, '/createdAt'],
    ['a time without a zone', { createdAt: '2026-01-15T09:31:02' }, '/createdAt'],
    ['no payment', { payment: undefined }, '/payment'],
    ['a payment that is a list', { payment: [payment] }, '/payment'],
    ['a payment that is null', { payment: null }, '/payment'],
    ['no id of the payment', { payment: { ...payment, id: undefined } }, '/payment/id'],
    ['a long id of the payment', { payment: { ...payment, id: 'p'.repeat(101) } }, '/payment/id'],
    ['a reference that is no UUID', { payment: { ...payment, reference: '1' } }, '/payment/reference'],
    ['no amount', { payment: { ...payment, amount: undefined } }, '/payment/amount'],
    [
      'an amount as text',
      { payment: { ...payment, amount: { amount: '1', currency: 'EUR' } } },
      '/payment/amount/amount',
    ],
    [
      'a negative amount',
      { payment: { ...payment, amount: { amount: -1, currency: 'EUR' } } },
      '/payment/amount/amount',
    ],
    [
      'half a cent',
      { payment: { ...payment, amount: { amount: 0.5, currency: 'EUR' } } },
      '/payment/amount/amount',
    ],
    ['no currency', { payment: { ...payment, amount: { amount: 1 } } }, '/payment/amount/currency'],
  ])('is refused: %s', async (_what, change, pointer) => {
    const attempt = attemptOf(event, { body: JSON.stringify({ ...event, ...change }) });
    const { body } = await expectRefused(send(gateway, attempt), 400, 'validation');
    expect(body.errors).toContainEqual({ in: 'body', pointer, detail: expect.any(String) });
  });

  it.each(['null', '[]', '"text"', '42'])('is refused: %s', async (body) => {
    await expectRefused(send(gateway, attemptOf(event, { body })), 400, 'validation');
  });

  it.each([
    ['nothing', ''],
    ['half an object', '{"id":'],
    ['a prototype in disguise', `{"__proto__": {}, "id": "${event.id}"}`],
    ['lists without end', `{"payment": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
    ['objects without end', `{"type": "payment.approved", "a": ${'{"a":'.repeat(20)}1${'}'.repeat(21)}`],
  ])('is refused: %s', async (_what, body) => {
    await expectRefused(send(gateway, attemptOf(event, { body })), 400, 'malformed-json');
  });

  it('is refused when it is not UTF-8', async () => {
    const body = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const at = String(now());
    const hmac = createHmac('sha256', Buffer.from(CALLBACK_SECRET.slice('whsec_'.length), 'base64'));
    const signature = hmac.update(`${event.id}.${at}.`).update(body).digest('base64');
    const answer = gateway.call('POST', '/v1/payment-callbacks', {
      headers: {
        'content-type': 'application/json',
        'webhook-id': event.id,
        'webhook-timestamp': at,
        'webhook-signature': `v1,${signature}`,
      },
      body,
    });
    await expectRefused(answer, 400, 'malformed-json');
  });
});

describe('the call for callbacks', () => {
  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('knows no %s', async (method) => {
    const answer = await gateway.call(method, '/v1/payment-callbacks');
    expect(answer).toMatchObject({ status: 405, body: { type: '/problems/method-not-allowed' } });
    expect(answer.headers.get('allow')).toBe('POST');
  });

  it('takes no other media type and no body over the limit, signed or not', async () => {
    const attempt = attemptOf(callback());
    for (const contentType of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'x',
    ]) {
      const headers = { ...attempt.headers, 'content-type': contentType };
      await expectRefused(send(gateway, { ...attempt, headers }), 415, 'unsupported-media-type');
    }
    const event = { ...callback(), padding: 'x'.repeat(300_000) };
    await expectRefused(send(gateway, attemptOf(event)), 413, 'content-too-large');
  });

  it('needs a signature also of a request without a body', async () => {
    const { headers } = attemptOf(callback(), { body: '' });
    const { 'content-type': _type, ...others } = headers;
    const answer = (signature: Record<string, string>) =>
      gateway.call('POST', '/v1/payment-callbacks', { headers: signature });
    await expectRefused(answer({}), 401, 'invalid-signature');
    await expectRefused(answer(others), 400, 'malformed-json');
  });
});
