import { randomUUID } from 'node:crypto';
import { defineTopology } from '@warren/messaging';
import { connect, type ConfirmChannel } from 'amqplib';
import { Pool } from 'pg';
import { answerCalls } from './answer-calls.ts';
import { envelopeOf, EXCHANGE, ReadingTakenV1, readingOf, TYPE } from './contracts.ts';
import { atRate, sharedClock } from './pace.ts';
import { propertiesWith } from './publishers/publisher.ts';
import { createService, openDataSource, type Urls } from './service.ts';

/** When the commit of each event was done, by the event's subject. */
type Committed = [subject: string, at: number][];

type Cause = (subject: string, n: number) => Promise<void>;

async function openWarren(urls: Urls): Promise<Cause> {
  const topology = defineTopology({
    service: 'bench-sensors',
    exchanges: [EXCHANGE],
    publishes: [ReadingTakenV1],
  });
  const { dataSource, outbox, listen } = await createService(topology, urls);
  await listen();
  return async (subject, n) => {
    const { sensor, value, note } = readingOf(n);
    await dataSource.transaction(async (tx) => {
      await tx.query('INSERT INTO readings (sensor, value) VALUES ($1, $2)', [sensor, value]);
      await outbox.append(tx, ReadingTakenV1, { subject, sequence: 1, data: { sensor, value, note } });
    });
  };
}

/** The least that does the same by hand: an outbox table, and a relay that is woken in the process. */
async function openBare({ amqpUrl, databaseUrl }: Urls): Promise<Cause> {
  await (await openDataSource(databaseUrl, 'bench-bare')).destroy(); // the same tables
  const pool = new Pool({ connectionString: databaseUrl, options: '-c search_path=bench_bare', max: 20 });
  const channel = await (await connect(amqpUrl)).createConfirmChannel();
  const wake = startRelay(pool, channel);
  return async (subject, n) => {
    const { id, body } = envelopeOf(n);
    const { sensor, value } = readingOf(n);
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO readings (sensor, value) VALUES ($1, $2)', [sensor, value]);
    await client.query(
      `INSERT INTO outbox (id, aggregate, exchange, routing_key, must_be_routed, body, headers)
       VALUES ($1, $2, $3, $4, false, $5, '{}')`,
      [id, subject, EXCHANGE, TYPE, JSON.stringify({ ...(JSON.parse(body) as object), subject })],
    );
    await client.query('COMMIT');
    client.release();
    wake();
  };
}

function startRelay(pool: Pool, channel: ConfirmChannel): () => void {
  let wanted = false;
  let running = false;
  const relay = async () => {
    running = true;
    while (wanted) {
      wanted = false;
      const { rows } = await pool.query<{ seq: string; id: string; body: string }>(
        'SELECT seq, id, body FROM outbox ORDER BY seq LIMIT 500',
      );
      if (rows.length === 0) continue;
      for (const { id, body } of rows) {
        channel.publish(EXCHANGE, TYPE, Buffer.from(body), { ...propertiesWith(id), persistent: true });
      }
      await channel.waitForConfirms();
      await pool.query('DELETE FROM outbox WHERE seq = ANY ($1::bigint[])', [rows.map(({ seq }) => seq)]);
    }
    running = false;
  };
  return () => {
    wanted = true;
    if (!running) void relay();
  };
}

let cause: Cause;

const methods = {
  async open({ contender, ...urls }: Urls & { contender: 'warren' | 'amqplib' }): Promise<void> {
    cause = await (contender === 'warren' ? openWarren(urls) : openBare(urls));
  },

  async run({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<Committed> {
    const committed: Committed = [];
    await atRate(perSecond, seconds, async (n) => {
      const subject = randomUUID();
      await cause(subject, n);
      committed.push([subject, sharedClock()]);
    });
    return committed;
  },
};

export type CausingMethods = typeof methods;
answerCalls(methods);
