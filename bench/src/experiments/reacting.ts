import type { Experiment } from '../measure.ts';
import type { CausingMethods } from '../programs/causing.ts';
import type { ReactingMethods } from '../programs/reacting.ts';
import { quantile } from '../statistics.ts';

const PER_SECOND = 200;

/** From the commit in one service to the start of the handler in another, at a moderate rate. */
export const reacting: Experiment = {
  name: 'Reacting',
  contenders: ['warren', 'amqplib'],

  async open(lab, contenders) {
    const seconds = lab.size(20, 4);
    const databaseUrl = await lab.createDatabase();
    const turns = new Map<string, (seconds: number) => Promise<number[]>>();
    for (const contender of contenders as ('warren' | 'amqplib')[]) {
      const urls = { amqpUrl: await lab.createVhost(), databaseUrl };
      const reactor = lab.start<ReactingMethods>({ name: 'reacting', label: contender });
      const causer = lab.start<CausingMethods>({ name: 'causing', label: contender });
      await reactor.call('open', { ...urls, contender });
      await causer.call('open', { ...urls, contender });
      turns.set(contender, async (duration) => {
        const committed = await causer.call('run', { perSecond: PER_SECOND, seconds: duration });
        const begun = await reactor.call('take', { events: committed.length });
        return committed.map(([subject, at]) => begun.get(subject)! - at);
      });
    }
    return {
      async turn(contender, purpose) {
        await lab.settle();
        const latencies = await turns.get(contender)!(purpose === 'warm-up' ? Math.min(5, seconds) : seconds);
        return { median: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
      },
      close: () => Promise.resolve(),
    };
  },
};
