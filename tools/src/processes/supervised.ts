import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessExit } from './managed-process.ts';

/** A running process, of whatever kind. */
export interface Launched {
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<unknown>;
}

export interface SupervisedOptions<T extends Launched> {
  name: string;
  launch: () => Promise<T>;
  /** Says that the process ended, and what is done about it. */
  tell: (message: string) => void;
  /** Called after each launch, with the new process. */
  onLaunch?: (launched: T) => void;
  /** Whether a process that ends by itself is started again. Default true. */
  restart?: boolean;
  /** Says of an end that another start would end the same way. Default: none does. */
  isHopeless?: (exit: ProcessExit) => boolean;
  /** Called instead of another start after a hopeless end. */
  onHopeless?: (exit: ProcessExit) => void;
}

/** Pause before the next start: doubled with each end that comes soon after a start. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** A process that ran this long has started well, and the count begins anew. */
const SETTLED_MS = 30_000;

/** Keeps one process running, as a supervisor in production would. */
export class Supervised<T extends Launched> {
  readonly name: string;
  private readonly options: SupervisedOptions<T>;
  private running: T | undefined;
  private isWanted = false;
  private pauseMs = FIRST_PAUSE_MS;
  private relaunching: Promise<void> = Promise.resolve();
  private stopping = new AbortController();

  constructor(options: SupervisedOptions<T>) {
    this.name = options.name;
    this.options = options;
  }

  /** Undefined while it is not running. */
  get current(): T | undefined {
    return this.running;
  }

  /** @throws when the first launch fails; later ones are tried again. */
  async start(): Promise<T> {
    if (this.isWanted) throw new Error(`${this.name} is started already`);
    this.isWanted = true;
    this.stopping = new AbortController();
    this.pauseMs = FIRST_PAUSE_MS;
    try {
      return await this.launch();
    } catch (error) {
      this.isWanted = false;
      throw error;
    }
  }

  /** Ends it for good, and waits for that. */
  async stop(): Promise<void> {
    this.isWanted = false;
    this.stopping.abort();
    await this.relaunching;
    await this.running?.stop();
  }

  /** Sends a signal to the running process. @throws when there is none. */
  kill(signal: NodeJS.Signals): void {
    if (!this.running) throw new Error(`${this.name} is not running`);
    this.running.kill(signal);
  }

  private async launch(): Promise<T> {
    const launched = await this.options.launch();
    this.running = launched;
    void this.watch(launched);
    this.options.onLaunch?.(launched);
    return launched;
  }

  private async watch(launched: T): Promise<void> {
    const startedAt = performance.now();
    const exit = await launched.exited;
    this.running = undefined;
    if (!this.isWanted) return;
    if (performance.now() - startedAt > SETTLED_MS) this.pauseMs = FIRST_PAUSE_MS;
    const what = `${this.name} (process ${launched.pid}) ended with ${exit.signal ?? `code ${exit.code}`}`;
    const isHopeless = this.options.isHopeless?.(exit) ?? false;
    if (this.options.restart === false || isHopeless) {
      this.isWanted = false;
      this.options.tell(what);
      if (isHopeless) this.options.onHopeless?.(exit);
      return;
    }
    this.options.tell(`${what}; starting it again in ${this.pauseMs / 1000} s`);
    this.relaunching = this.relaunch();
  }

  private async relaunch(): Promise<void> {
    while (this.isWanted) {
      const pause = this.pauseMs;
      this.pauseMs = Math.min(pause * 2, LONGEST_PAUSE_MS);
      await delay(pause, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      if (!this.isWanted) return;
      try {
        const launched = await this.launch();
        this.options.tell(`${this.name} is started again (process ${launched.pid})`);
        return;
      } catch (error) {
        this.options.tell(
          `${this.name} does not start: ${(error as Error).message}; trying again in ${this.pauseMs / 1000} s`,
        );
      }
    }
  }
}
