import { createWriteStream, existsSync, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@warren/testing';
import { serviceEnvironment } from '@warren/tools/config.ts';
import {
  startProcess,
  type ManagedProcess,
  type ProcessExit,
} from '@warren/tools/processes/managed-process.ts';

/** How long a process may take to do what it is asked for, on a machine that is busy. */
const PATIENCE_MS = 120_000;

export interface Stop extends ProcessExit {
  durationMs: number;
}

/** One replica of a service of the rig: a process that is started, killed, stopped and started again. */
export class ServiceProcess {
  readonly name: string;
  readonly #main: string;
  readonly #environment: Record<string, string>;
  readonly #onUnexpectedExit: (what: string) => void;
  readonly #log: WriteStream;
  #lines: string[] = [];
  #process: ManagedProcess | undefined;

  /**
   * @param service `producer` or `consumer`
   * @param onUnexpectedExit called when the process ends and nobody asked for it
   */
  constructor(options: {
    service: 'producer' | 'consumer';
    name: string;
    logFile: string;
    environment: Record<string, string>;
    onUnexpectedExit: (what: string) => void;
  }) {
    this.name = options.name;
    this.#main = mainOf(options.service);
    this.#environment = options.environment;
    this.#onUnexpectedExit = options.onUnexpectedExit;
    mkdirSync(dirname(options.logFile), { recursive: true });
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
  }

  /** Starts the process and returns at once. What it writes is looked at from here on. */
  async start(sabotage: Record<string, string> = {}): Promise<void> {
    this.#lines = [];
    const started = await startProcess({
      command: process.execPath,
      args: ['--enable-source-maps', this.#main],
      env: serviceEnvironment({ ...this.#environment, ...sabotage }),
      output: {
        onLine: (line) => {
          this.#lines.push(line);
          this.#log.write(`${line}\n`);
        },
      },
      stop: [{ signal: 'SIGKILL', patienceMs: 10_000 }],
    });
    this.#process = started;
    void started.exited.then(({ code, signal }) => {
      if (this.#process !== started) return;
      this.#process = undefined;
      this.#onUnexpectedExit(
        `${this.name} ended with ${signal ?? code}:\n${this.#lines.slice(-10).join('\n')}`,
      );
    });
  }

  async untilListening(): Promise<void> {
    await this.untilLine('listens on');
  }

  /** Waits until the process has written a line with `text` since its start, or since `from`, for the nth time. */
  async untilLine(
    text: string,
    { from = 0, times = 1 }: { from?: number; times?: number } = {},
  ): Promise<void> {
    await eventually(
      () => {
        if (this.count(text, from) < times) throw new Error(`${this.name} has not written "${text}"`);
      },
      { timeoutMs: PATIENCE_MS },
    );
  }

  /** Lines so far. */
  get written(): number {
    return this.#lines.length;
  }

  /** How many lines with `text` the process has written since its start. */
  count(text: string, from = 0): number {
    return this.lines(text, from).length;
  }

  /** The lines with `text` that the process has written since its start. */
  lines(text: string, from = 0): string[] {
    return this.#lines.slice(from).filter((line) => line.includes(text));
  }

  signal(signal: NodeJS.Signals): void {
    this.#running().kill(signal);
  }

  async kill(): Promise<void> {
    const running = this.#running();
    this.#process = undefined;
    running.kill('SIGKILL');
    await running.exited;
  }

  /** Waits until the process has ended itself by SIGKILL, as it was told to by its environment. */
  async untilKilled(): Promise<void> {
    const running = this.#running();
    this.#process = undefined;
    const waited = new AbortController();
    const timer = setTimeout(() => waited.abort(), PATIENCE_MS);
    const late = new Promise<'late'>((resolve) => {
      waited.signal.addEventListener('abort', () => resolve('late'));
    });
    const end = await Promise.race([running.exited, late]);
    clearTimeout(timer);
    if (end === 'late') {
      this.#process = running;
      throw new Error(`${this.name} has not reached the point where it was to be killed`);
    }
    if (end.signal !== 'SIGKILL') {
      throw new Error(
        `${this.name} ended with ${end.signal ?? end.code}:\n${this.#lines.slice(-10).join('\n')}`,
      );
    }
  }

  /** SIGTERM, as a deployment does. */
  async stop(): Promise<Stop> {
    const running = this.#running();
    this.#process = undefined;
    const begun = performance.now();
    running.kill('SIGTERM');
    const exit = await running.exited;
    return { ...exit, durationMs: Math.round(performance.now() - begun) };
  }

  /** Ends it whatever its state, and closes its log. */
  async close(): Promise<void> {
    if (this.#process) await this.kill();
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  #running(): ManagedProcess {
    if (!this.#process) throw new Error(`${this.name} is not running`);
    return this.#process;
  }
}

/** The services are run as they are deployed: built. This file itself may run from source or built. */
function mainOf(service: string): string {
  const main = fileURLToPath(new URL(`../dist/services/${service}.main.js`, import.meta.url));
  if (!existsSync(main)) throw new Error(`${main} is not there: run \`npm run build\` first`);
  return main;
}
