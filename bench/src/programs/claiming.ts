import type { EventEnvelope } from '@warren/contracts';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { claimMessages } from '../../../libs/messaging/dist/inbox/inbox.js';
import { maintainInboxPartitions } from '../../../libs/messaging/dist/inbox/inbox-partitions.js';
import { answerCalls } from './answer-calls.ts';
import { openDataSource } from './service.ts';

const CONSUMER = 'bench-recorder.readings';
const BATCH = 100;
const CONNECTIONS = 4;
const DAY_MS = 86_400_000;

let dataSource: DataSource;

/** Only what a claim looks at. */
function envelopes(): { envelope: EventEnvelope }[] {
  return Array.from({ length: BATCH }, () => ({
    envelope: { id: uuidv7(), source: '/warren/bench-sensors' } as EventEnvelope,
  }));
}

const methods = {
  /** An inbox with so many messages of today, all in the partition that new ones go to. */
  async open({
    databaseUrl,
    service,
    rows,
  }: {
    databaseUrl: string;
    service: string;
    rows: number;
  }): Promise<void> {
    dataSource = await openDataSource(databaseUrl, service);
    await maintainInboxPartitions(dataSource);
    if (rows === 0) return;
    const now = Date.now();
    const elapsed = now % DAY_MS;
    // In parts, because a data source gives no statement longer than half a minute.
    const part = 250_000;
    for (let from = 0; from < rows; from += part) {
      // The offset is from the clock of the row's own moment: uuidv7(interval) shifts the present.
      await dataSource.query(
        `INSERT INTO inbox (message_id, consumer)
         SELECT uuidv7(to_timestamp(($2::float8 - $3 + $3 * n / $4) / 1000) - clock_timestamp()), $1
         FROM generate_series($5::int, $6::int) AS n`,
        [CONSUMER, now, elapsed, rows, from, Math.min(from + part, rows) - 1],
      );
    }
    await dataSource.query('VACUUM ANALYZE inbox');
  },

  async empty(): Promise<void> {
    await dataSource.query('TRUNCATE inbox');
  },

  /** Claims new messages as the batch handler does: so many in a transaction, on a few connections at once. */
  async claim({ messages }: { messages: number }): Promise<{ rate: number }> {
    let begun = 0;
    const claimInTurn = async () => {
      while (begun < messages) {
        begun += BATCH;
        const batch = envelopes();
        const fresh = await dataSource.transaction((tx) => claimMessages(tx, batch, CONSUMER));
        if (fresh.length !== BATCH) throw new Error(`${fresh.length} of ${BATCH} new messages were claimed`);
      }
    };
    const started = performance.now();
    await Promise.all(Array.from({ length: CONNECTIONS }, claimInTurn));
    return { rate: begun / ((performance.now() - started) / 1_000) };
  },
};

export type ClaimingMethods = typeof methods;
answerCalls(methods);
