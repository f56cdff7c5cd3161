import { brokerFaults } from '../faults/broker-faults.ts';
import { databaseFaults } from '../faults/database-faults.ts';
import { describeSmallRuns } from './small-run.ts';

describeSmallRuns('servers that end, freeze and refuse', [...brokerFaults, ...databaseFaults]);
