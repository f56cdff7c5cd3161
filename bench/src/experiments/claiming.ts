import type { Experiment } from '../measure.ts';
import type { Program } from '../program.ts';
import type { ClaimingMethods } from '../programs/claiming.ts';

/** New messages into a large inbox and into an empty one. */
export const claiming: Experiment = {
  name: 'Claiming',
  contenders: ['large', 'empty'],

  async open(lab, contenders) {
    const rows = lab.size(5_000_000, 200_000);
    const messages = lab.size(50_000, 10_000);
    const databaseUrl = await lab.createDatabase();
    const programs = new Map<string, Program<ClaimingMethods>>();
    for (const contender of contenders) {
      const program = lab.start<ClaimingMethods>({ name: 'claiming', label: contender });
      const service = `bench-${contender}`;
      if (contender === 'large') lab.report(`  filling an inbox with ${rows} messages`);
      await program.call('open', { databaseUrl, service, rows: contender === 'large' ? rows : 0 });
      programs.set(contender, program);
    }
    return {
      async turn(contender) {
        const program = programs.get(contender)!;
        if (contender === 'empty') await program.call('empty', undefined);
        await lab.settle();
        return program.call('claim', { messages });
      },
      close: () => Promise.resolve(),
    };
  },
};
