import { eventually } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { GatewayUnderTest } from './gateway-under-test.ts';
import { attemptOf, callback, send } from './payment-provider.ts';

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
});

afterAll(() => gateway?.stop());

const TABLES = [
  'idempotency_keys',
  'order_views',
  'order_history',
  'payment_callbacks',
  'payment_callback_requests',
];

async function scans(kind: 'seq_scan' | 'idx_scan'): Promise<Record<string, number>> {
  const rows = await gateway.database.query<{ relname: string; scans: number }>(
    `SELECT relname, ${kind}::int AS scans FROM pg_stat_user_tables
      WHERE schemaname = 'gateway' AND relname = ANY ($1)`,
    [TABLES],
  );
  return Object.fromEntries(rows.map(({ relname, scans: count }) => [relname, count]));
}

async function fill(): Promise<void> {
  for (const statement of [
    `INSERT INTO gateway.idempotency_keys (account_id, key, fingerprint, status, headers, body)
       SELECT gen_random_uuid(), n::text, '', 202, '{}', '{}' FROM generate_series(1, 50000) n`,
    `INSERT INTO gateway.order_views (id, customer_id, status, lines, version)
       SELECT gen_random_uuid(), gen_random_uuid(), 'accepted', '[]', 0 FROM generate_series(1, 50000)`,
    `INSERT INTO gateway.order_history (order_id, version, type, at)
       SELECT id, 0, 'order.accepted', now() FROM gateway.order_views`,
    `INSERT INTO gateway.payment_callbacks (id) SELECT n::text FROM generate_series(1, 50000) n`,
    `INSERT INTO gateway.payment_callback_requests (digest, sent_at)
       SELECT sha256(n::text::bytea), now() FROM generate_series(1, 50000) n`,
    `ANALYZE ${TABLES.map((table) => `gateway.${table}`).join()}`,
  ]) {
    await gateway.database.query(statement);
  }
}

it('reads no table from its beginning when there are many orders and callbacks', async () => {
  await fill();
  const { token } = await gateway.signUp();
  const use = async (): Promise<void> => {
    const id = await gateway.order(token);
    const headers = { 'idempotency-key': uuidv7() };
    const event = callback();
    const answers = [
      await gateway.call('POST', `/v1/orders/${id}/cancellation`, { token, headers }),
      await gateway.call('POST', `/v1/orders/${id}/cancellation`, { token, headers }),
      await gateway.call('GET', `/v1/orders/${id}`, { token }),
      await gateway.call('GET', '/v1/orders', { token }),
      await send(gateway, attemptOf(event, { at: Math.floor(Date.now() / 1000) - 1 })),
      await send(gateway, attemptOf(event)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 200, 200, 202, 202]);
  };
  await use();
  const before = { seq: await scans('seq_scan'), idx: await scans('idx_scan') };
  for (let i = 0; i < 10; i += 1) await use();
  // A backend tells its numbers a second after the last time at the earliest, when it has something to do.
  await eventually(async () => {
    await use();
    const idx = await scans('idx_scan');
    expect(idx['order_history']! - before.idx['order_history']!).toBeGreaterThanOrEqual(20);
    expect(idx['idempotency_keys']! - before.idx['idempotency_keys']!).toBeGreaterThanOrEqual(10);
  });
  expect(await scans('seq_scan')).toEqual(before.seq);
});
