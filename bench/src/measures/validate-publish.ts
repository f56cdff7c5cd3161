import { validating } from '../experiments/validating.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Writing an event: validation',
  method:
    'CPU time of assertData on the example of every event, where fields that the contract does not name are refused; ' +
    'class-validator with class-transformer does the same.',
  unit: 'µs/event',
  experiment: validating,
  figure: 'publish',
  ours: 'warren',
  comparisons: [{ against: 'class-validator', goal: { atMost: 0.2, aim: 0.1 } }],
};
