import type { Experiment } from '../measure.ts';
import type { Program } from '../program.ts';
import type { ValidatingMethods, Validator } from '../programs/validating.ts';

/** All events of the system, held against their contracts: as it is done, and by class-validator alone. */
export const validating: Experiment = {
  name: 'Validating',
  contenders: ['warren', 'class-validator'],

  open(lab, contenders) {
    const rounds = lab.size(20_000, 2_000);
    const programs = new Map<string, Program<ValidatingMethods>>(
      contenders.map((label) => [label, lab.start<ValidatingMethods>({ name: 'validating', label })]),
    );
    return Promise.resolve({
      turn: (contender) =>
        programs.get(contender)!.call('validate', { validator: contender as Validator, rounds }),
      close: () => Promise.resolve(),
    });
  },
};
