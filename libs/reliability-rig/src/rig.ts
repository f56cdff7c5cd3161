import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCAL_DIRECTORY } from '@warren/tools/config.ts';
import { isAlive } from '@warren/tools/processes/process-control.ts';
import type { Report } from '@warren/tools/processes/report.ts';
import type { Fault } from './faults/fault.ts';
import type { Figures } from './figures.ts';
import { Scenario } from './scenario.ts';
import { removeServers, RigServers } from './servers.ts';

const RIG_DIRECTORY = join(LOCAL_DIRECTORY, 'reliability');

export interface RunOptions {
  messages: number;
  times: number;
  rate: number;
  report?: Report;
}

/** The servers of one run of the rig; one fault after the other is made on them. */
export class Rig {
  readonly #servers: RigServers;
  readonly logDirectory: string;

  private constructor(servers: RigServers, logDirectory: string) {
    this.#servers = servers;
    this.logDirectory = logDirectory;
  }

  /** Starts a broker and a database of the rig's own; nothing that runs already is touched. */
  static async open(): Promise<Rig> {
    await sweep();
    const name = `${process.pid}-${randomBytes(4).toString('hex')}`;
    const servers = await RigServers.start(join(RIG_DIRECTORY, name));
    return new Rig(servers, join(RIG_DIRECTORY, 'logs', name));
  }

  run(fault: Fault, { report = () => undefined, ...options }: RunOptions): Promise<Figures> {
    return Scenario.run(fault, {
      servers: this.#servers,
      logDirectory: this.logDirectory,
      report,
      ...options,
    });
  }

  /** Ends the servers and removes their data; the logs of the services stay. */
  async close(): Promise<void> {
    await this.#servers.close();
  }
}

/** Cleans up after runs that were killed. */
async function sweep(): Promise<void> {
  for (const name of await readdir(RIG_DIRECTORY).catch(() => [])) {
    const pid = Number.parseInt(name, 10);
    if (Number.isInteger(pid) && !isAlive(pid)) await removeServers(join(RIG_DIRECTORY, name));
  }
}
