import { queueBacklog } from '../experiments/backlogs.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Memory of a consumer with a million messages waiting',
  method:
    'The most memory in use (heap and buffers after a collection) at a dozen moments while it consumes a queue of ' +
    '1 million (quick: 50,000), against an idle one that has handled 4,000 before.',
  unit: 'MiB',
  experiment: queueBacklog,
  figure: 'memory',
  ours: 'backlog',
  comparisons: [{ against: 'idle', goal: { atMost: 1.25, aim: null } }],
};
