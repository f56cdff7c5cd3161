import { Controller } from '@nestjs/common';
import {
  applyTopology,
  BatchContext,
  defineTopology,
  HandleBatch,
  HandleMessage,
  MessageContext,
  type BatchItem,
} from '@warren/messaging';
import { answerCalls } from './answer-calls.ts';
import { EXCHANGE, ReadingTakenV1 } from './contracts.ts';
import { countMetrics, CountedMetric } from './counted-metrics.ts';
import { liveMemory } from './live-memory.ts';
import { createService, openDataSource, type Urls } from './service.ts';

/** Counted when a message was handled, committed and acknowledged. */
const handled = new CountedMetric((attributes) => attributes['warren.outcome'] === 'done');
countMetrics({ 'messaging.client.consumed.messages': handled });

@Controller()
class OneByOne {
  @HandleMessage(ReadingTakenV1)
  async taken({ sensor, value }: ReadingTakenV1, { tx }: MessageContext): Promise<void> {
    await tx.query('INSERT INTO readings (sensor, value) VALUES ($1, $2)', [sensor, value]);
  }
}

@Controller()
class Together {
  @HandleBatch([ReadingTakenV1], { size: 100 })
  async taken(items: BatchItem<ReadingTakenV1>[], { tx }: BatchContext): Promise<void> {
    await tx.query('INSERT INTO readings (sensor, value) SELECT * FROM unnest($1::text[], $2::int[])', [
      items.map(({ data }) => data.sensor),
      items.map(({ data }) => data.value),
    ]);
  }
}

const HANDLERS = {
  one: { service: 'bench-recorder', controller: OneByOne },
  batch: { service: 'bench-projector', controller: Together },
} as const;

const topologyOf = (kind: keyof typeof HANDLERS) =>
  defineTopology({
    service: HANDLERS[kind].service,
    exchanges: [EXCHANGE],
    consumes: [{ queue: 'readings', handles: [ReadingTakenV1] }],
  });

let urls: Urls;
let kind: keyof typeof HANDLERS;

const methods = {
  /** Makes the queue and the tables; nothing consumes yet. */
  async open(given: Urls & { kind: keyof typeof HANDLERS }): Promise<void> {
    urls = given;
    kind = given.kind;
    await applyTopology({
      topology: topologyOf(kind),
      brokerUrls: [urls.amqpUrl],
      logger: { log: () => undefined, warn: console.warn },
    });
    await (await openDataSource(urls.databaseUrl, HANDLERS[kind].service)).destroy();
  },

  /**
   * Starts the service on a full queue and stops it when `messages` are handled.
   *
   * @returns the rate from the first message that was settled to the last, and the CPU seconds of each
   */
  async handle({ messages }: { messages: number }): Promise<{ rate: number; cpu: number }> {
    handled.reset();
    const service = await createService(topologyOf(kind), urls, [HANDLERS[kind].controller]);
    const before = await effects(service.dataSource);
    const all = handled.reached(messages);
    await service.listen();
    await all;
    const { seconds, cpuSeconds, count } = handled.measured;
    const after = await effects(service.dataSource);
    await service.close();
    if (after - before !== messages) {
      throw new Error(`${messages} messages had ${after - before} effects`);
    }
    return { rate: count / seconds, cpu: cpuSeconds / count };
  },

  /** Starts the service, handles some messages, looks at its memory and stops. */
  async memoryAfter({ messages }: { messages: number }): Promise<{ memory: number }> {
    handled.reset();
    const service = await createService(topologyOf(kind), urls, [HANDLERS[kind].controller]);
    const enough = handled.reached(messages);
    await service.listen();
    await enough;
    const memory = await liveMemory();
    await service.close();
    return { memory };
  },
};

async function effects(db: { query(sql: string): Promise<unknown> }): Promise<number> {
  const [row] = (await db.query('SELECT count(*)::int AS n FROM readings')) as { n: number }[];
  return row!.n;
}

export type HandlingMethods = typeof methods;
answerCalls(methods);
