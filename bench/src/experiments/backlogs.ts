import type { Experiment } from '../measure.ts';
import type { HandlingMethods } from '../programs/handling.ts';
import type { LoadingMethods } from '../programs/loading.ts';
import type { RelayingMethods } from '../programs/relaying.ts';
import { Sink } from './sink.ts';

/** A relay that has a million messages before it, and one that has ten thousand and is idle after them. */
export const outboxBacklog: Experiment = {
  name: 'Outbox backlog',
  contenders: ['backlog', 'little'],

  async open(lab) {
    const backlog = lab.size(1_000_000, 100_000);
    const messages = lab.size(10_000, 5_000);
    const start = async (label: string) => {
      const urls = { amqpUrl: await lab.createVhost(), databaseUrl: await lab.createDatabase() };
      const sink = await Sink.open(await (await lab.connect(urls.amqpUrl)).createChannel());
      const relay = lab.start<RelayingMethods>({ name: 'relaying', label, collectsGarbage: true });
      return { urls, sink, relay };
    };
    const full = await start('backlog');
    const little = await start('little');
    lab.report(`  filling an outbox with ${backlog} messages`);
    await full.relay.call('fill', { messages: backlog, urls: full.urls });
    return {
      async turn(contender) {
        const { relay, sink, urls } = contender === 'backlog' ? full : little;
        await sink.renew();
        if (contender === 'little') await relay.call('fill', { messages, urls });
        await lab.settle();
        return relay.call('relayFrom', { messages });
      },
      close: () => Promise.resolve(),
    };
  },
};

/** A consumer that has a million messages before it, and one that is idle after the same work. */
export const queueBacklog: Experiment = {
  name: 'Queue backlog',
  contenders: ['backlog', 'idle'],

  async open(lab) {
    const backlog = lab.size(1_000_000, 50_000);
    const messages = lab.size(4_000, 2_000);
    const start = async (label: string) => {
      const urls = { amqpUrl: await lab.createVhost(), databaseUrl: await lab.createDatabase() };
      const consumer = lab.start<HandlingMethods>({ name: 'handling', label, collectsGarbage: true });
      await consumer.call('open', { ...urls, kind: 'one' });
      const loader = lab.start<LoadingMethods>({ name: 'loading' });
      await loader.call('open', urls);
      return { consumer, loader };
    };
    const full = await start('backlog');
    const idle = await start('idle');
    lab.report(`  filling a queue with ${backlog} messages`);
    await full.loader.call('load', { messages: backlog });
    return {
      async turn(contender) {
        const { consumer, loader } = contender === 'backlog' ? full : idle;
        if (contender === 'idle') await loader.call('load', { messages });
        return consumer.call('memoryAfter', { messages });
      },
      close: () => Promise.resolve(),
    };
  },
};
