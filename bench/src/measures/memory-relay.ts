import { outboxBacklog } from '../experiments/backlogs.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Memory of a relay with a million messages waiting',
  method:
    'The most memory in use (heap and buffers after a collection) at a dozen moments while it relays, against an idle ' +
    'one that has relayed 10,000 before. The batch in hand is the difference that is allowed.',
  unit: 'MiB',
  experiment: outboxBacklog,
  figure: 'memory',
  ours: 'backlog',
  comparisons: [{ against: 'little', goal: { atMost: 1.25, aim: null } }],
};
