import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { guardProcess, releaseProcess } from './guard.ts';
import { endProcess, isAlive, type StopStep } from './process-control.ts';

export interface ProcessOptions {
  command: string;
  args: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Account to run under, when that is not our own. */
  account?: { uid: number; gid: number };
  /** Where standard output and error go: appended to a file, or line by line to a function. */
  output: { file: string } | { onLine: (line: string) => void };
  /** How to end it, from gentle to certain. The first signal is also what it gets when we die ourselves. */
  stop: [StopStep, ...StopStep[]];
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ManagedProcess {
  readonly pid: number;
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Defined once the process is gone. */
  readonly exit: ProcessExit | undefined;
  /** Sends one signal and returns at once. */
  kill(signal: NodeJS.Signals): void;
  /** Ends the process by the steps of its options and waits until it is gone. Safe to call again. */
  stop(): Promise<ProcessExit>;
}

const running = new Set<ManagedProcess>();

/** Ends everything that was started and is still there, each in its own way, or at once by SIGKILL. */
export async function stopAllProcesses(how: 'gently' | 'at once'): Promise<void> {
  if (how === 'at once') for (const one of running) one.kill('SIGKILL');
  await Promise.all([...running].map((one) => one.stop()));
}

/**
 * Starts a process in a session of its own (so that a Ctrl-C in the terminal reaches only its owner, who then
 * stops everything in order) that does not outlive its owner.
 *
 * @throws when the command cannot be started.
 */
export async function startProcess(options: ProcessOptions): Promise<ManagedProcess> {
  const file = 'file' in options.output ? openLog(options.output.file) : undefined;
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    ...options.account,
    detached: true,
    stdio: ['ignore', file ?? 'pipe', file ?? 'pipe'],
  });
  if (file !== undefined) closeSync(file);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.command} started without a process id`);
  guardProcess(pid, options.stop[0].signal);

  let exit: ProcessExit | undefined;
  const exited = new Promise<ProcessExit>((resolve) => {
    // Not 'close', which also waits for the output of grandchildren.
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      releaseProcess(pid);
      running.delete(managed);
      resolve(exit);
    });
  });
  if ('onLine' in options.output) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', options.output.onLine);
    }
  }

  const managed: ManagedProcess = {
    pid,
    exited,
    get exit() {
      return exit;
    },
    kill(signal) {
      if (!exit) process.kill(pid, signal);
    },
    async stop() {
      if (!exit && isAlive(pid)) await endProcess(pid, options.stop, exited);
      return exited;
    },
  };
  running.add(managed);
  return managed;
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a', 0o600);
}
