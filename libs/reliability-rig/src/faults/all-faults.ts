import { brokerFaults } from './broker-faults.ts';
import { databaseFaults } from './database-faults.ts';
import type { Fault } from './fault.ts';
import { killPointFaults } from './kill-point-faults.ts';
import { networkFaults } from './network-faults.ts';
import { processFaults } from './process-faults.ts';

/** Every fault that the rig makes, in the order of the report. */
export const allFaults: readonly Fault[] = [
  ...processFaults.filter(({ name }) => name === 'nothing'),
  ...killPointFaults,
  ...processFaults.filter(({ name }) => name !== 'nothing'),
  ...brokerFaults,
  ...networkFaults,
  ...databaseFaults,
];
