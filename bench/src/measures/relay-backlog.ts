import { outboxBacklog } from '../experiments/backlogs.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Relaying with a million messages waiting',
  method:
    'The rate over 10,000 messages with 1 million in the outbox (quick: 5,000 of 100,000), and with just those 10,000.',
  unit: 'messages/s',
  experiment: outboxBacklog,
  figure: 'rate',
  ours: 'backlog',
  comparisons: [{ against: 'little', goal: { atLeast: 0.9, aim: 1 } }],
};
