import { publishing } from '../experiments/publishing.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: "Confirmed publishing: the client's CPU time for a message",
  method: 'User and system time of the publishing process in the same rounds, divided by its messages.',
  unit: 'µs/message',
  experiment: publishing,
  figure: 'cpu',
  ours: 'warren',
  comparisons: [
    { against: 'amqplib', goal: { atMost: 1.35, aim: 1.2 } },
    { against: 'amqp-connection-manager' },
    { against: 'rabbitmq-client' },
    { against: 'golevelup' },
    { against: 'nest' },
    { against: 'rascal' },
  ],
};
