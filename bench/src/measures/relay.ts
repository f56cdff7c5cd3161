import { relaying } from '../experiments/relaying.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Relaying a full outbox',
  method:
    'From the commit of the transaction that fills the outbox until every message is published, confirmed and deleted, ' +
    'batches of 500. amqplib publishes the same bytes with 500 on their way and no database; pg-transactional-outbox ' +
    'polls in batches of 100 and hands each message to a confirmed publish.',
  unit: 'messages/s',
  experiment: relaying,
  figure: 'rate',
  ours: 'warren',
  comparisons: [
    { against: 'amqplib', goal: { atLeast: 0.8, aim: 0.95 } },
    { against: 'pg-transactional-outbox', goal: { atLeast: 15, aim: 20 } },
  ],
};
