import { defineTopology, newMessage } from '@warren/messaging';
import { answerCalls } from './answer-calls.ts';
import { EXCHANGE, ReadingTakenV1, readingOf, subjectOf } from './contracts.ts';
import { countMetrics, CountedMetric } from './counted-metrics.ts';
import { liveMemory } from './live-memory.ts';
import { createService, type BenchService, type Urls } from './service.ts';

/** Counted after the rows were deleted: published, confirmed, gone. */
const relayed = new CountedMetric();
countMetrics({ 'messaging.client.sent.messages': relayed });

const topology = defineTopology({
  service: 'bench-sensors',
  exchanges: [EXCHANGE],
  publishes: [ReadingTakenV1],
});
/** Messages appended by one statement. */
const APPENDED_TOGETHER = 500;

let urls: Urls;
let service: BenchService;

/** In one transaction, so that all of it is there at once. */
function appendAll({ outbox, dataSource }: BenchService, messages: number): Promise<void> {
  return dataSource.transaction(async (tx) => {
    for (let first = 0; first < messages; first += APPENDED_TOGETHER) {
      const length = Math.min(APPENDED_TOGETHER, messages - first);
      const batch = Array.from({ length }, (_, i) => {
        const n = first + i;
        return newMessage(ReadingTakenV1, { subject: subjectOf(n), sequence: 1, data: readingOf(n) });
      });
      await outbox.appendAll(tx, batch);
    }
  });
}

const methods = {
  async open(given: Urls): Promise<void> {
    urls = given;
    service = await createService(topology, urls);
    await service.listen();
  },

  /** From the commit that fills the outbox until all of it is published, confirmed and deleted. */
  async relay({ messages }: { messages: number }): Promise<{ seconds: number; cpuSeconds: number }> {
    relayed.reset();
    const all = relayed.reached(messages);
    await appendAll(service, messages);
    relayed.startClock();
    await all;
    return relayed.measured;
  },

  /** Fills the outbox of a service that does not relay yet. */
  async fill({ messages, urls: given }: { messages: number; urls: Urls }): Promise<void> {
    urls = given;
    service = await createService(topology, urls);
    await appendAll(service, messages);
    await service.dataSource.query('VACUUM ANALYZE outbox');
    await service.close();
  },

  /** Starts the service on what waits in its outbox, relays a part of it, looks at its memory, and stops it. */
  async relayFrom({ messages }: { messages: number }): Promise<{ rate: number; memory: number }> {
    relayed.reset();
    service = await createService(topology, urls);
    const enough = relayed.reached(messages);
    await service.listen();
    await enough;
    const { seconds, count } = relayed.measured;
    const memory = await liveMemory();
    await service.close();
    return { rate: count / seconds, memory };
  },
};

export type RelayingMethods = typeof methods;
answerCalls(methods);
