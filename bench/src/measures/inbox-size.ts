import { claiming } from '../experiments/claiming.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Claiming in an inbox of 5 million rows',
  method:
    'A hundred new UUIDv7 ids in a transaction on four connections, into a partition that holds all 5 million ' +
    '(quick: 200,000), and into an empty one.',
  unit: 'messages/s',
  experiment: claiming,
  figure: 'rate',
  ours: 'large',
  comparisons: [{ against: 'empty', goal: { atLeast: 0.95, aim: 1 } }],
};
