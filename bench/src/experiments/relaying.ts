import type { Experiment } from '../measure.ts';
import type { PeerRelayingMethods } from '../programs/peer-relaying.ts';
import type { PublishingMethods } from '../programs/publishing.ts';
import type { RelayingMethods } from '../programs/relaying.ts';
import { EXCHANGE, Sink, TYPE } from './sink.ts';

const BATCH = 500;

/** From a full outbox to the broker. */
export const relaying: Experiment = {
  name: 'Relaying',
  contenders: ['warren', 'amqplib', 'pg-transactional-outbox'],

  async open(lab) {
    const messages = lab.size(20_000, 5_000);
    // The peer looks at its whole outbox for each batch: with fewer messages it is at its best.
    const peerMessages = lab.size(2_000, 500);
    const amqpUrl = await lab.createVhost();
    const databaseUrl = await lab.createDatabase();
    const sink = await Sink.open(await (await lab.connect(amqpUrl)).createChannel());
    const target = { amqpUrl, exchange: EXCHANGE, routingKey: TYPE, queue: sink.queue };

    const relay = lab.start<RelayingMethods>({ name: 'relaying' });
    const bare = lab.start<PublishingMethods>({ name: 'publishing', label: 'same-bytes' });
    const peer = lab.start<PeerRelayingMethods>({ name: 'peer-relaying' });
    await relay.call('open', { amqpUrl, databaseUrl });
    await bare.call('open', { name: 'amqplib', target });
    await peer.call('open', { amqpUrl, databaseUrl });

    const turns: Record<
      string,
      { messages: number; run: () => Promise<{ seconds: number; cpuSeconds: number }> }
    > = {
      warren: { messages, run: () => relay.call('relay', { messages }) },
      amqplib: { messages, run: () => bare.call('publish', { messages, window: BATCH }) },
      'pg-transactional-outbox': {
        messages: peerMessages,
        run: () => peer.call('relay', { messages: peerMessages }),
      },
    };
    return {
      async turn(contender) {
        const turn = turns[contender]!;
        await sink.renew();
        await lab.settle();
        const { seconds, cpuSeconds } = await turn.run();
        await sink.expect(turn.messages);
        return { rate: turn.messages / seconds, cpu: (cpuSeconds / turn.messages) * 1e6 };
      },
      close: () => Promise.resolve(),
    };
  },
};
