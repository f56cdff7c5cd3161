import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '@warren/testing';
import { startProcess } from './managed-process.ts';
import { commandLineOf, isAlive } from './process-control.ts';

const OWNER = fileURLToPath(new URL('./test/owner.ts', import.meta.url));

function shell(script: string, onLine: (line: string) => void = () => undefined) {
  return startProcess({
    command: '/bin/sh',
    args: ['-c', script],
    output: { onLine },
    stop: [
      { signal: 'SIGTERM', patienceMs: 200 },
      { signal: 'SIGKILL', patienceMs: 5_000 },
    ],
  });
}

describe('startProcess', () => {
  it('hands over each line of output and tells how the process ended', async () => {
    const lines: string[] = [];
    const child = await shell('echo one; echo two >&2; exit 3', (line) => lines.push(line));

    expect(await child.exited).toEqual({ code: 3, signal: null });
    await eventually(() => expect(lines.sort()).toEqual(['one', 'two']));
  });

  it('stops a process gently, and one that does not listen by force', async () => {
    const lines: string[] = [];
    const gentle = await shell('echo up; exec sleep 3600', (line) => lines.push(line));
    const stubborn = await shell("trap '' TERM; echo up; while :; do sleep 0.1; done", (line) =>
      lines.push(line),
    );
    await eventually(() => expect(lines).toEqual(['up', 'up']));

    expect(await gentle.stop()).toEqual({ code: null, signal: 'SIGTERM' });
    expect(await stubborn.stop()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await stubborn.stop()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('says which program cannot be started', async () => {
    const start = startProcess({
      command: '/nowhere/program',
      args: [],
      output: { onLine: () => undefined },
      stop: [{ signal: 'SIGTERM', patienceMs: 1_000 }],
    });

    await expect(start).rejects.toThrow('/nowhere/program');
  });

  it.each(['obedient', 'stubborn'])('ends an %s process when its owner is killed', async (manner) => {
    const owner = spawn(process.execPath, [OWNER, manner], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [chunk] = (await once(owner.stdout, 'data')) as [Buffer];
    const pid = Number(chunk.toString());
    expect(isAlive(pid)).toBe(true);
    expect(await commandLineOf(pid)).toContain('sleep 3600');

    owner.kill('SIGKILL');
    await eventually(() => expect(isAlive(pid)).toBe(false), { timeoutMs: 30_000 });
  });
});
