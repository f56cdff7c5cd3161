import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { eventually } from '@warren/testing';
import { ROOT } from '../config.ts';
import { isAlive } from '../processes/process-control.ts';
import type { Endpoints } from '../system/endpoints.ts';

// Only to find a start that hangs: a busy machine may take its time.
const PATIENCE_MS = 600_000;
jest.setTimeout(PATIENCE_MS);

let parent: string;
let directory: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'warren-start-'));
  directory = join(parent, 'local');
});

afterAll(async () => {
  for (const child of running) if (child.exitCode === null) child.kill('SIGKILL');
  await rm(parent, { recursive: true, force: true });
});

/** Runs a command of the project as npm does, with private servers and a local directory of its own. */
function command(name: string): { child: ChildProcess; output: () => string; exited: Promise<unknown[]> } {
  const inherited = Object.entries(process.env).filter(([variable]) => !variable.startsWith('WARREN_'));
  const child = spawn(process.execPath, [join(ROOT, 'tools/bootstrap.mjs'), name], {
    env: { ...Object.fromEntries(inherited), NODE_OPTIONS: '', WARREN_LOCAL_DIRECTORY: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text, exited: once(child, 'exit') };
}

async function untilReady(start: ReturnType<typeof command>): Promise<Endpoints> {
  await eventually(
    () => {
      if (start.child.exitCode !== null) return; // told below
      expect(start.output()).toContain('Warren is ready');
    },
    { timeoutMs: PATIENCE_MS, intervalMs: 100 },
  );
  expect(start.output()).toContain('Warren is ready');
  return JSON.parse(await readFile(join(directory, 'endpoints.json'), 'utf8')) as Endpoints;
}

function programPids({ services, paymentSandbox }: Endpoints): number[] {
  return [...Object.values(services), paymentSandbox].map(({ pid }) => pid);
}

async function serverPids(): Promise<number[]> {
  const pids: number[] = [];
  for (const server of ['rabbitmq', 'postgres']) {
    const record = JSON.parse(await readFile(join(directory, server, 'instance.json'), 'utf8')) as {
      pid: number;
    };
    pids.push(record.pid);
  }
  return pids;
}

describe('npm start', () => {
  let pids: number[];

  it('brings everything up, restarts a service that dies, runs the demo, and stops all that it started', async () => {
    const start = command('start');
    const endpoints = await untilReady(start);
    const services = Object.values(endpoints.services);
    expect(services.map(({ pid }) => isAlive(pid))).toEqual([true, true, true, true]);
    expect(isAlive(endpoints.paymentSandbox.pid)).toBe(true);
    expect((await fetch(`${endpoints.gateway}/health/ready`)).status).toBe(200);

    const { pid, url } = endpoints.services['file-worker'];
    process.kill(pid, 'SIGKILL');
    const again = await eventually(
      async () => {
        const now = JSON.parse(await readFile(join(directory, 'endpoints.json'), 'utf8')) as Endpoints;
        expect(now.services['file-worker'].pid).not.toBe(pid);
        expect((await fetch(`${url}/health/ready`)).status).toBe(200);
        return now;
      },
      { timeoutMs: PATIENCE_MS, intervalMs: 100 },
    );
    expect(start.output()).toContain(`file-worker (process ${pid}) ended with SIGKILL; starting it again`);

    const demo = command('demo');
    expect([await demo.exited, demo.output()]).toEqual([
      [0, null],
      expect.stringContaining('All of it happened'),
    ]);

    const second = command('start');
    expect(await second.exited).toEqual([1, null]);
    expect(second.output()).toContain('Warren is running already');
    expect(second.output()).toContain(endpoints.gateway);
    const reset = command('reset');
    expect(await reset.exited).toEqual([1, null]);
    expect(reset.output()).toContain('Stop it first');

    pids = [...programPids(again), ...(await serverPids())];
    start.child.kill('SIGINT');
    expect(await start.exited).toEqual([0, null]);
    expect(pids.filter((one) => isAlive(one))).toEqual([]);
    await expect(readFile(join(directory, 'endpoints.json'))).rejects.toThrow('ENOENT');
  });

  it('has the same accounts again the next time, and leaves nothing running when it is killed', async () => {
    const passwords = await readFile(join(directory, 'passwords.json'), 'utf8');
    const start = command('start');
    const endpoints = await untilReady(start);
    expect(await readFile(join(directory, 'passwords.json'), 'utf8')).toBe(passwords);
    pids = [...programPids(endpoints), ...(await serverPids())];

    const owner = Number(await readFile(join(directory, 'start.pid'), 'utf8'));
    process.kill(owner, 'SIGKILL');
    await start.exited;
    await eventually(() => expect(pids.filter((one) => isAlive(one))).toEqual([]), {
      timeoutMs: PATIENCE_MS,
    });
  });

  it('is what the demo asks for when it is not running', async () => {
    const demo = command('demo');
    expect(await demo.exited).toEqual([1, null]);
    expect(demo.output()).toContain('Run `npm start`');
  });

  it('is wiped by npm run reset', async () => {
    const reset = command('reset');
    expect(await reset.exited).toEqual([0, null]);
    expect(await readdir(directory)).toEqual([]);
  });
});
