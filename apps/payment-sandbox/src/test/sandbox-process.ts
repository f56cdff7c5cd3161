import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@warren/testing';
import { RUN_FROM_SOURCE } from '@warren/testing/run-from-source';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

export const API_KEY = 'the-key-of-the-tests';
export const CALLBACK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** Runs the sandbox with a command line and an environment until it ends by itself. */
export async function runSandbox(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [...RUN_FROM_SOURCE, MAIN, ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** The sandbox as a process of its own, from source, with a directory that outlives it. */
export class SandboxProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'warren-payments-'));
  readonly #environment: Record<string, string>;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(environment: Record<string, string>) {
    this.#environment = environment;
  }

  static async start(callbackUrl: string, more: Record<string, string> = {}): Promise<SandboxProcess> {
    const sandbox = new SandboxProcess({ WARREN_SANDBOX_CALLBACK_URL: callbackUrl, ...more });
    await sandbox.start();
    return sandbox;
  }

  get environment(): Record<string, string> {
    return {
      WARREN_SANDBOX_API_KEY: API_KEY,
      WARREN_SANDBOX_CALLBACK_SECRET: CALLBACK_SECRET,
      WARREN_SANDBOX_DIRECTORY: this.directory,
      WARREN_HTTP_PORT: '0',
      ...this.#environment,
    };
  }

  /** All that the running process has written. */
  get output(): string {
    return this.#output;
  }

  get url(): string {
    const [, url] = /listens on (http:\/\/[\d.]+:\d+)/.exec(this.#output) ?? [];
    if (url === undefined) throw new Error(`it does not listen; it wrote: ${this.#output}`);
    return url;
  }

  async start(): Promise<void> {
    this.#output = '';
    const child = spawn(process.execPath, [...RUN_FROM_SOURCE, MAIN], {
      env: { PATH: process.env['PATH'], ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.#output += chunk));
    }
    await eventually(() => this.url, { timeoutMs: 60_000 });
  }

  /** @returns how it ended */
  async end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const child = this.#child!;
    if (child.exitCode === null && child.signalCode === null) {
      const closed = once(child, 'close');
      child.kill(signal);
      await closed;
    }
    return { code: child.exitCode, signal: child.signalCode };
  }

  /** A power cut, and all on again. */
  async crash(): Promise<void> {
    await this.end('SIGKILL');
    await this.start();
  }

  async remove(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
