import { eventually } from '@warren/testing';
import { startProcess, type ManagedProcess } from './managed-process.ts';
import { Supervised } from './supervised.ts';

function supervise(launch: () => Promise<ManagedProcess>, restart = true) {
  const told: string[] = [];
  const pids: number[] = [];
  const supervised = new Supervised<ManagedProcess>({
    name: 'trial',
    launch,
    tell: (message) => told.push(message),
    onLaunch: ({ pid }) => pids.push(pid),
    restart,
  });
  return { supervised, told, pids };
}

function sleeper(): Promise<ManagedProcess> {
  return startProcess({
    command: '/bin/sleep',
    args: ['3600'],
    output: { onLine: () => undefined },
    stop: [{ signal: 'SIGTERM', patienceMs: 5_000 }],
  });
}

describe('Supervised', () => {
  it('tells of a process that dies and starts another in its place', async () => {
    const { supervised, told, pids } = supervise(sleeper);
    const first = await supervised.start();
    supervised.kill('SIGKILL');
    await eventually(() => expect(supervised.current?.pid).not.toBe(first.pid));
    await eventually(() => expect(supervised.current).toBeDefined());

    expect(pids).toEqual([first.pid, supervised.current?.pid]);
    expect(told[0]).toBe(`trial (process ${first.pid}) ended with SIGKILL; starting it again in 0.25 s`);
    await supervised.stop();
    expect(supervised.current).toBeUndefined();
  });

  it('goes on trying, with longer pauses, when a later start fails', async () => {
    let launches = 0;
    const { supervised, told } = supervise(() => {
      launches += 1;
      return launches === 2 ? Promise.reject(new Error('the port is taken')) : sleeper();
    });
    await supervised.start();
    supervised.kill('SIGKILL');
    await eventually(() => expect(launches).toBe(3));
    await eventually(() => expect(supervised.current).toBeDefined());

    expect(told[1]).toBe('trial does not start: the port is taken; trying again in 0.5 s');
    await supervised.stop();
  });

  it('leaves a process away that was stopped, also while it was about to be started again', async () => {
    const { supervised, pids } = supervise(sleeper);
    await supervised.start();
    supervised.kill('SIGKILL');
    await eventually(() => expect(supervised.current).toBeUndefined());
    await supervised.stop();

    expect(supervised.current).toBeUndefined();
    expect(pids).toHaveLength(1);
    await supervised.start();
    expect(pids).toHaveLength(2);
    await supervised.stop();
  });

  it('fails when the first start fails', async () => {
    const { supervised } = supervise(() => Promise.reject(new Error('not built')));

    await expect(supervised.start()).rejects.toThrow('not built');
  });
});
