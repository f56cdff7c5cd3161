import { publishing } from '../experiments/publishing.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Confirmed publishing: rate',
  method:
    'Persistent messages of 1 KiB to a quorum queue, 500 waiting for their confirm at a time, mandatory.',
  unit: 'messages/s',
  experiment: publishing,
  figure: 'rate',
  ours: 'warren',
  comparisons: [
    { against: 'amqplib', goal: { atLeast: 0.93, aim: 0.97 } },
    { against: 'amqp-connection-manager' },
    { against: 'rabbitmq-client' },
    { against: 'golevelup' },
    { against: 'nest' },
    { against: 'rascal' },
  ],
};
