import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What the figures were taken on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  rabbitmq: string;
  postgres: string;
  /** Load average of the minute before the run: what others did on the machine. */
  loadBefore: number;
}

export function describeMachine(
  versions: { rabbitmq: string; postgres: string },
  loadBefore: number,
): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    ...versions,
    loadBefore,
  };
}

/** Running and waiting processes of the last minute; 0 where the system does not tell. */
export function currentLoad(): number {
  return Number((loadavg()[0] ?? 0).toFixed(2));
}
