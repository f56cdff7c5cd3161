import { handling } from '../experiments/handling.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Handling one message at a time',
  method:
    'A decorated handler that inserts one row, 16 at once: consume, claim in the inbox, insert, commit, acknowledge. ' +
    'pgbench does BEGIN, the two inserts into the same tables and COMMIT on 16 connections, and has no broker beside it.',
  unit: 'messages/s',
  experiment: handling,
  figure: 'rate',
  ours: 'warren',
  comparisons: [{ against: 'pgbench', goal: { atLeast: 0.7, aim: 1 } }],
};
