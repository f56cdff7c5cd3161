import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface StopStep {
  signal: NodeJS.Signals;
  /** How long the process may take after this signal before the next step, in milliseconds. */
  patienceMs: number;
}

/** Whether a process of this id is running. A dead one that its parent has not collected does not count. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    // "<pid> (<command>) <state> …"; the command may contain anything, also parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1));
  } catch {
    return false; // it went between the two looks
  }
}

/** The command line of a running process; undefined when there is none. */
export async function commandLineOf(pid: number): Promise<string | undefined> {
  if (!isAlive(pid)) return undefined;
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    } catch {
      return undefined;
    }
  }
  return new Promise((resolve) => {
    execFile('ps', ['-ww', '-o', 'command=', '-p', String(pid)], (error, stdout) =>
      resolve(error ? undefined : stdout.trim()),
    );
  });
}

/**
 * Ends a process that need not be our child, step by step, and waits until it is gone.
 *
 * @param gone settles when the process is known to be gone; without it the process table is asked.
 * @throws when it is still there after the last step.
 */
export async function endProcess(pid: number, steps: StopStep[], gone?: Promise<unknown>): Promise<void> {
  const waiting = new AbortController();
  try {
    for (const { signal, patienceMs } of steps) {
      if (!isAlive(pid)) break;
      try {
        process.kill(pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
      const ended = await Promise.race([
        (gone ?? untilGone(pid, waiting.signal)).then(() => true),
        delay(patienceMs, false, { signal: waiting.signal, ref: true }).catch(() => false),
      ]);
      if (ended) return;
    }
  } finally {
    waiting.abort();
  }
  if (isAlive(pid)) throw new Error(`Process ${pid} does not end, not even by ${steps.at(-1)?.signal}`);
}

async function untilGone(pid: number, signal: AbortSignal): Promise<void> {
  while (isAlive(pid) && !signal.aborted) await delay(50);
}
