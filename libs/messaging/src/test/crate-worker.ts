import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '@warren/testing';
import { RUN_FROM_SOURCE } from '@warren/testing/run-from-source';
import type { TestBench } from './test-service.ts';

/** A process that works on crates, to be killed. */
export class CrateWorker {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #output = '';

  constructor(bench: TestBench, leaseMs: number) {
    this.#child = spawn(
      process.execPath,
      [
        ...RUN_FROM_SOURCE,
        fileURLToPath(new URL('crate-worker.main.ts', import.meta.url)),
        bench.broker.url,
        bench.database.url,
        String(leaseMs),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.#output += chunk));
    }
    this.#exited = once(this.#child, 'close');
    bench.use({ close: () => this.kill() });
  }

  async untilItSays(text: string): Promise<void> {
    await eventually(() => expect(this.#output).toContain(text), { timeoutMs: 45_000 });
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
