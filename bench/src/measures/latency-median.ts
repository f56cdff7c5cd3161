import { reacting } from '../experiments/reacting.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Commit to handler: median',
  method:
    'At 200 events a second, from the commit in one process to the start of the handler in another. By hand: ' +
    'an outbox table, a relay of a few lines that is woken in its process, and a bare amqplib consumer.',
  unit: 'ms',
  experiment: reacting,
  figure: 'median',
  ours: 'warren',
  comparisons: [{ against: 'amqplib', goal: { atMost: 1.5, aim: 1 } }],
};
