import type { Experiment } from '../measure.ts';
import { findPgbench, runPgbench, type Pgbench } from '../pgbench.ts';
import type { HandlingMethods } from '../programs/handling.ts';
import type { LoadingMethods } from '../programs/loading.ts';

const CONNECTIONS = 16;

/** What the one-message handler does in the database, by hand: claim, effect. */
const SCRIPT = `\\set value random(20000, 29999)
BEGIN;
INSERT INTO inbox (message_id, consumer) VALUES (uuidv7(), 'pgbench');
INSERT INTO readings (sensor, value) VALUES ('s-00000001', :value);
COMMIT;
`;

/** From a full queue to the effects in the database. */
export const handling: Experiment = {
  name: 'Handling',
  contenders: ['warren', 'pgbench', 'warren-batch'],

  async open(lab, contenders) {
    const messages = lab.size(20_000, 3_000);
    const batchMessages = lab.size(60_000, 10_000);
    const seconds = lab.size(6, 2);
    const databaseUrl = await lab.createDatabase();
    const pgbench = contenders.includes('pgbench') ? await tryToFind(lab.report) : 'not asked for';

    const start = async (kind: 'one' | 'batch') => {
      const amqpUrl = await lab.createVhost();
      const program = lab.start<HandlingMethods>({ name: 'handling', label: kind });
      await program.call('open', { amqpUrl, databaseUrl, kind });
      const loader = lab.start<LoadingMethods>({ name: 'loading' });
      await loader.call('open', { amqpUrl });
      return async (count: number) => {
        await loader.call('load', { messages: count });
        await lab.settle();
        const { rate, cpu } = await program.call('handle', { messages: count });
        return { rate, cpu: cpu * 1e6 };
      };
    };
    const one = await start('one');
    const batch = await start('batch');
    return {
      unavailable: new Map(typeof pgbench === 'string' ? [['pgbench', pgbench]] : []),
      async turn(contender, purpose) {
        const share = purpose === 'warm-up' ? 0.25 : 1;
        if (contender === 'warren') return one(messages * share);
        if (contender === 'warren-batch') return batch(batchMessages * share);
        await lab.settle();
        const options = { databaseUrl, schema: 'bench_recorder', script: SCRIPT, connections: CONNECTIONS };
        return { rate: await runPgbench(pgbench as Pgbench, { ...options, seconds }) };
      },
      close: () => Promise.resolve(),
    };
  },
};

async function tryToFind(report: (text: string) => void): Promise<Pgbench | string> {
  try {
    return await findPgbench(report);
  } catch (error) {
    return (error as Error).message;
  }
}
