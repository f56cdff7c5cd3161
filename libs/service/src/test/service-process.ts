import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { RUN_FROM_SOURCE } from '@warren/testing/run-from-source';

/** The thing service as a process of its own, from source. */
export class ServiceProcess {
  output = '';
  readonly child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(args: readonly string[], environment: Record<string, string>) {
    this.child = spawn(
      process.execPath,
      [...RUN_FROM_SOURCE, fileURLToPath(new URL('thing-service.main.ts', import.meta.url)), ...args],
      {
        env: { PATH: process.env['PATH'], ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.output += chunk));
    }
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  /** The log lines, parsed. */
  get lines(): { level: string; msg: string; [field: string]: unknown }[] {
    return this.output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  /** Where it listens. Throws while it doesn't. */
  get url(): string {
    const line = this.lines.find(({ msg }) => msg.includes('listens on'));
    if (!line) throw new Error(`not listening yet; it wrote: ${this.output}`);
    return line.msg.split('listens on ')[1]!;
  }

  /** Ends it for good, whatever a test left it in. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
