import type { Experiment } from '../measure.ts';
import type { Program } from '../program.ts';
import type { PublishingMethods } from '../programs/publishing.ts';
import { EXCHANGE, Sink, TYPE } from './sink.ts';

const WINDOW = 500;

/** Confirmed, persistent publishing of 1 KiB to a quorum queue, 500 on their way at a time. */
export const publishing: Experiment = {
  name: 'Publishing',
  contenders: [
    'warren',
    'amqplib',
    'amqp-connection-manager',
    'rabbitmq-client',
    'golevelup',
    'nest',
    'rascal',
  ],

  async open(lab, contenders) {
    const messages = lab.size(20_000, 2_000);
    const amqpUrl = await lab.createVhost();
    const channel = await (await lab.connect(amqpUrl)).createChannel();
    const sink = await Sink.open(channel);
    const target = { amqpUrl, exchange: EXCHANGE, routingKey: TYPE, queue: sink.queue };
    const programs = new Map<string, Program<PublishingMethods>>();
    for (const name of contenders) {
      const program = lab.start<PublishingMethods>({ name: 'publishing', label: name });
      await program.call('open', { name, target });
      programs.set(name, program);
    }
    return {
      async turn(contender) {
        await sink.renew();
        const { seconds, cpuSeconds } = await programs
          .get(contender)!
          .call('publish', { messages, window: WINDOW });
        await sink.expect(messages);
        return { rate: messages / seconds, cpu: (cpuSeconds / messages) * 1e6 };
      },
      close: () => Promise.resolve(),
    };
  },
};
