import { join } from 'node:path';
import { jest } from '@jest/globals';
import { createTestBroker, type TestBroker } from '@warren/testing';
import { ROOT } from '../config.ts';
import { run, type RunResult } from '../processes/run.ts';
import { SERVICES } from '../provision/rights.ts';
import { appsWithTopology, loadTopology } from './load-topologies.ts';

jest.setTimeout(240_000); // each command looks first whether something has to be built

let broker: TestBroker;
beforeEach(async () => {
  broker = await createTestBroker();
});
afterEach(() => broker.close());

function topology(...args: string[]): Promise<RunResult> {
  const { PATH, HOME } = process.env;
  return run(process.execPath, [join(ROOT, 'tools/src/commands/topology.ts'), ...args], {
    env: { PATH, HOME, WARREN_AMQP_URL: broker.url, WARREN_AMQP_MANAGEMENT_URL: broker.managementUrl },
    allowFailure: true,
  });
}

describe('npm run topology', () => {
  it('knows every service', () => {
    expect(appsWithTopology()).toEqual([...SERVICES].sort());
  });

  it('plans, applies, and finds nothing more to do', async () => {
    const before = await topology('plan', '--json');
    expect(before.code).toBe(2);
    const { same, differences } = JSON.parse(before.output) as {
      same: boolean;
      differences: { kind: string }[];
    };
    expect(same).toBe(false);
    expect(new Set(differences.map(({ kind }) => kind))).toEqual(new Set(['missing']));

    const applied = await topology('apply');
    expect(applied).toMatchObject({
      code: 0,
      errors: expect.stringContaining('created queue file-worker.jobs'),
    });
    expect(await topology('plan')).toMatchObject({
      code: 0,
      output: 'The broker is as the services describe it.\n',
    });

    await broker.management.call('PUT', `/queues/${broker.vhost}/gateway.old`, { durable: true });
    const extra = await topology('plan', 'gateway');
    expect(extra).toMatchObject({ code: 2, output: expect.stringMatching(/- extra queue gateway\.old/) });
    expect(await topology('apply', '--prune')).toMatchObject({ code: 3 });
    expect(await topology('apply', '--prune', '--yes')).toMatchObject({
      code: 0,
      errors: expect.stringContaining('removed queue gateway.old'),
    });
  });

  it('refuses what it does not know', async () => {
    expect(await topology('plan', 'nobody')).toMatchObject({
      code: 64,
      errors: expect.stringContaining(`these are: ${[...SERVICES].sort().join(', ')}`),
    });
    expect(await topology('plan', '--prune')).toMatchObject({ code: 64 });
  });

  it('says which app has no topology that can be found', async () => {
    await expect(loadTopology('nobody')).rejects.toThrow(/apps\/nobody\/dist\/topology\.js is not there/);
  });
});
