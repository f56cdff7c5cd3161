import { ordering } from '../experiments/ordering.ts';
import type { Measure } from '../measure.ts';

export const measure: Measure = {
  title: 'Orders a second: from the command to the confirmation',
  method:
    'The real order-service in one process and in two: 1,000 orders (quick: 200) of one to three of 1,000 products ' +
    'are sent at once; a payment provider over HTTP takes each request at once, and its decision is sent as soon as ' +
    'order.payment-requested.v1 tells of it. From the first command to the last order.confirmed.v1, three transactions of the service an order. ' +
    'Stock, payments and states are checked after each turn.',
  unit: 'orders/s',
  experiment: ordering,
  figure: 'confirmed',
  ours: 'two-replicas',
  comparisons: [{ against: 'one-replica' }],
};
