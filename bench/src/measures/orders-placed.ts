import { ordering } from '../experiments/ordering.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Orders a second: placing alone',
  method:
    'As orders-confirmed, up to the last order.placed.v1, while the payment provider keeps its answers back.',
  unit: 'orders/s',
  experiment: ordering,
  figure: 'placed',
  ours: 'two-replicas',
  comparisons: [{ against: 'one-replica' }],
};
