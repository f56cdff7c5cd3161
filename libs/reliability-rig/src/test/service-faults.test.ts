import { killPointFaults } from '../faults/kill-point-faults.ts';
import { networkFaults } from '../faults/network-faults.ts';
import { processFaults } from '../faults/process-faults.ts';
import { describeSmallRuns } from './small-run.ts';

describeSmallRuns('processes that end, and a network that breaks', [
  ...killPointFaults,
  ...processFaults,
  ...networkFaults,
]);
