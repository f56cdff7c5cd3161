import { connect, type ConfirmChannel } from 'amqplib';
import { Pool } from 'pg';
import {
  DatabaseSetupExporter,
  getDisabledLogger,
  initializeMessageStorage,
  initializePollingMessageListener,
  type PollingListenerConfig,
} from 'pg-transactional-outbox';
import { answerCalls } from './answer-calls.ts';
import { envelopeOf, EXCHANGE, subjectOf, TYPE } from './contracts.ts';
import { propertiesWith } from './publishers/publisher.ts';
import type { Urls } from './service.ts';

const SCHEMA = 'peer';
const BATCH = 100;
const logger = getDisabledLogger();

let pool: Pool;
let channel: ConfirmChannel;
let config: PollingListenerConfig;
let firstAt: number | undefined;

function publish(id: string, payload: unknown): Promise<void> {
  const body = Buffer.from(JSON.stringify(payload));
  const properties = { ...propertiesWith(id), persistent: true, mandatory: true };
  return new Promise((resolve, reject) => {
    channel.publish(EXCHANGE, TYPE, body, properties, (error) =>
      error ? reject(error as Error) : resolve(),
    );
  });
}

const methods = {
  /** pg-transactional-outbox with its polling listener, as its README sets it up, and a batch size of 100. */
  async open({ amqpUrl, databaseUrl }: Urls): Promise<void> {
    channel = await (await connect(amqpUrl)).createConfirmChannel();
    pool = new Pool({ connectionString: databaseUrl });
    const { username, pathname } = new URL(databaseUrl);
    await pool.query(
      DatabaseSetupExporter.createPollingScript({
        outboxOrInbox: 'outbox',
        database: pathname.slice(1),
        schema: SCHEMA,
        table: 'outbox',
        listenerRole: username,
        nextMessagesName: 'next_outbox_messages',
      }),
    );
    config = {
      outboxOrInbox: 'outbox',
      dbListenerConfig: { connectionString: databaseUrl },
      settings: {
        dbSchema: SCHEMA,
        dbTable: 'outbox',
        enableMaxAttemptsProtection: false,
        enablePoisonousMessageProtection: false,
        nextMessagesFunctionSchema: SCHEMA,
        nextMessagesFunctionName: 'next_outbox_messages',
        nextMessagesBatchSize: BATCH,
      },
    };
    initializePollingMessageListener(
      config,
      {
        handle: async ({ id, payload }) => {
          firstAt ??= performance.now();
          await publish(id, payload);
        },
      },
      logger,
      // Without it, the first hundred looks would fetch one message each.
      { batchSizeStrategy: () => Promise.resolve(BATCH) },
    );
  },

  /** From the first message that is handed out until all are marked as processed. */
  async relay({ messages }: { messages: number }): Promise<{ seconds: number; cpuSeconds: number }> {
    const store = initializeMessageStorage(config, logger);
    const client = await pool.connect();
    await client.query(`TRUNCATE ${SCHEMA}.outbox`);
    await client.query('BEGIN');
    for (let n = 0; n < messages; n += 1) {
      const { id, body } = envelopeOf(n);
      const payload: unknown = JSON.parse(body);
      const about = { aggregateType: 'reading', aggregateId: subjectOf(n), messageType: TYPE };
      await store({ id, ...about, payload, concurrency: 'parallel' }, client);
    }
    firstAt = undefined;
    const cpu = process.cpuUsage();
    await client.query('COMMIT');
    for (;;) {
      const { rows } = await client.query(
        `SELECT 1 FROM ${SCHEMA}.outbox WHERE processed_at IS NULL LIMIT 1`,
      );
      if (rows.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const seconds = (performance.now() - firstAt!) / 1_000;
    client.release();
    const { user, system } = process.cpuUsage(cpu);
    return { seconds, cpuSeconds: (user + system) / 1e6 };
  },
};

export type PeerRelayingMethods = typeof methods;
answerCalls(methods);
