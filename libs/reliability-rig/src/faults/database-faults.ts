import { setTimeout as delay } from 'node:timers/promises';
import type { Scenario } from '../scenario.ts';
import type { Fault } from './fault.ts';

async function freeze(scenario: Scenario, durationMs: number): Promise<void> {
  scenario.servers.freezePostgres();
  try {
    // The fault is the time itself: nobody can be asked while nobody answers.
    await delay(durationMs);
  } finally {
    scenario.servers.thawPostgres();
  }
}

export const databaseFaults: readonly Fault[] = [
  {
    name: 'database-killed',
    description: 'SIGKILL of PostgreSQL, and a start on the same data',
    times: { full: 12, small: 1 },
    async make(scenario) {
      await scenario.repeat(() => scenario.servers.killPostgres());
      return undefined;
    },
  },
  {
    name: 'database-frozen',
    description: 'SIGSTOP of PostgreSQL and all its backends for 8 s: longer than a connection may take',
    times: { full: 5, small: 1 },
    async make(scenario) {
      await scenario.repeat(() => freeze(scenario, 8_000));
      return undefined;
    },
  },
  {
    name: 'database-frozen-long',
    description: 'SIGSTOP of PostgreSQL and all its backends for 45 s: longer than a statement may take',
    times: { full: 2, small: 1 },
    fullOnly: true,
    async make(scenario) {
      await scenario.repeat(() => freeze(scenario, 45_000));
      return undefined;
    },
  },
  {
    name: 'database-connection-reset',
    description: 'all connections to PostgreSQL are reset, also between a commit and its answer',
    times: { full: 25, small: 3 },
    databaseProxy: true,
    async make(scenario) {
      await scenario.repeat(async () => {
        for (const proxy of scenario.stage.databaseProxies) proxy.cut();
      });
      return undefined;
    },
  },
];
