import { connect } from 'amqplib';
import type { MessagingLogger } from '../logger.ts';
import { pause } from '../timing.ts';
import type { Topology } from '../topology.ts';
import { closeQuietly } from './close-quietly.ts';
import { bindForeign, declareOwnTopology, type ForeignBinding } from './declare-topology.ts';

export interface ApplyOptions {
  topology: Topology;
  brokerUrls: readonly string[];
  logger: Pick<MessagingLogger, 'log' | 'warn'>;
  /** How long to wait for the broker and for the exchanges of others. Milliseconds, default 60,000. */
  timeoutMs?: number;
}

const INTERVAL_MS = 250;

/**
 * Declares what a service has on the broker and binds it, waiting for the exchanges of others: a step of the
 * deployment, beside the migrations. Once every service has done it, no event of the first minutes is lost to a
 * queue that was bound too late. Idempotent; services do the same at their start.
 *
 * @throws MiswiredService when something of the same name exists with other arguments
 * @throws Error when the broker or an exchange is not there in time, naming it
 */
export async function applyTopology({
  topology,
  brokerUrls,
  logger,
  timeoutMs = 60_000,
}: ApplyOptions): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  const model = await connectUntil(deadline, brokerUrls, logger);
  try {
    let missing = await declareOwnTopology(model, topology);
    let told = '';
    for (;;) {
      const still: ForeignBinding[] = [];
      for (const binding of missing) if (!(await bindForeign(model, binding))) still.push(binding);
      missing = still;
      if (missing.length === 0) return;
      const names = [...new Set(missing.map(({ exchange }) => exchange))].join(', ');
      if (Date.now() >= deadline) {
        throw new Error(`${names} is not there: declare the service that owns it, then run this again`);
      }
      if (names !== told) logger.log(`waiting for ${names}, which another service declares`);
      told = names;
      await pause(INTERVAL_MS);
    }
  } finally {
    await closeQuietly(model);
  }
}

async function connectUntil(deadline: number, urls: readonly string[], logger: ApplyOptions['logger']) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const model = await connect(urls[attempt % urls.length]!, { timeout: 10_000 });
      model.on('error', () => undefined); // the call that is under way fails with it
      return model;
    } catch (error) {
      if (Date.now() >= deadline) throw error;
      if (attempt === 0) logger.warn(`RabbitMQ can't be reached, trying again: ${(error as Error).message}`);
      await pause(INTERVAL_MS);
    }
  }
}
