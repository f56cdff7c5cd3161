import { handling } from '../experiments/handling.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Handling a hundred messages in a transaction',
  method:
    'A batch handler of up to 100 that inserts their rows by one statement, against the one-message handler.',
  unit: 'messages/s',
  experiment: handling,
  figure: 'rate',
  ours: 'warren-batch',
  comparisons: [{ against: 'warren', goal: { atLeast: 6, aim: 10 } }],
};
