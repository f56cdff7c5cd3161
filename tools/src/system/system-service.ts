import type { ManagedProcess } from '../processes/managed-process.ts';
import { Supervised } from '../processes/supervised.ts';
import type { ProgramName } from './payment-sandbox.ts';
import { MISCONFIGURED, untilReady } from './service-process.ts';

export interface SystemService {
  readonly name: ProgramName;
  readonly url: string;
  /** Of the running process. @throws while there is none. */
  readonly pid: number;
  /** Sends a signal to the process and returns at once; what ends by itself is started again. */
  kill(signal: NodeJS.Signals): void;
  /** Ends the process gracefully; it stays away until `start`. */
  stop(): Promise<void>;
  /** Starts it, also after `stop`, and waits until it is ready. */
  start(): Promise<void>;
  /** Waits until it answers that it is ready. */
  untilReady(timeoutMs?: number): Promise<void>;
}

export interface SystemServiceOptions {
  name: ProgramName;
  url: string;
  launch: () => Promise<ManagedProcess>;
  onLaunch: (launched: ManagedProcess) => void;
  tell: (message: string) => void;
  restart: boolean;
}

/** One service of a system, or its payment provider, kept running from `start` to `stop`. */
export function systemService({
  name,
  url,
  launch,
  onLaunch,
  tell,
  restart,
}: SystemServiceOptions): SystemService {
  let hopeless = new AbortController();
  const supervised = new Supervised<ManagedProcess>({
    name,
    launch,
    onLaunch,
    tell,
    restart,
    isHopeless: ({ code }) => code === MISCONFIGURED,
    onHopeless: () =>
      hopeless.abort(new Error(`${name} cannot run with its environment: see what it said above`)),
  });
  const service: SystemService = {
    name,
    url,
    get pid() {
      if (!supervised.current) throw new Error(`${name} is not running`);
      return supervised.current.pid;
    },
    kill: (signal) => supervised.kill(signal),
    stop: () => supervised.stop(),
    async start() {
      hopeless = new AbortController();
      await supervised.start();
      await service.untilReady();
    },
    untilReady: (timeoutMs) =>
      untilReady(name, url, { signal: hopeless.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) }),
  };
  return service;
}
