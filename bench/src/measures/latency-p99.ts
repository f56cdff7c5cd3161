import { reacting } from '../experiments/reacting.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Commit to handler: 99th percentile',
  method: 'The same events as for the median.',
  unit: 'ms',
  experiment: reacting,
  figure: 'p99',
  ours: 'warren',
  comparisons: [{ against: 'amqplib', goal: { atMost: 2, aim: 1 } }],
};
