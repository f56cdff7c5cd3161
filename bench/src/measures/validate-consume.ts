import { validating } from '../experiments/validating.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Reading an event: validation',
  method:
    'CPU time of validateData on the example of every event, which makes an instance of its class; class-validator with ' +
    'class-transformer does the same. A handler takes 250 to 400 µs.',
  unit: 'µs/event',
  experiment: validating,
  figure: 'consume',
  ours: 'warren',
  comparisons: [{ against: 'class-validator', goal: { atMost: 0.2, aim: 0.1 } }],
};
