import { defineTopology } from '../topology.ts';
import { crateBehaviours, CrateHandlers } from './crate-jobs.ts';
import { startTestService } from './test-service.ts';

/**
 * A replica that works on crates, as a process of its own. Told to `hang`, a job says so and never ends.
 *
 * Arguments: broker URL, database URL, lease in milliseconds.
 */
const [brokerUrl, databaseUrl, leaseMs] = process.argv.slice(2);
crateBehaviours.set('hang', async (_context, crateId) => {
  process.stdout.write(`hangs on ${crateId}\n`);
  await new Promise(() => undefined);
});
await startTestService({
  topology: defineTopology({ service: 'crate-service' }),
  controllers: [CrateHandlers],
  brokerUrl: brokerUrl!,
  databaseUrl: databaseUrl!,
  work: { leaseMs: Number(leaseMs), pollIntervalMs: 100 },
});
process.stdout.write('works\n');
