import { writeFile } from 'node:fs/promises';
import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';

export interface Call {
  id: number;
  method: string;
  argument: unknown;
}

export interface Answer {
  id: number;
  result?: unknown;
  /** With its stack. */
  error?: string;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each method has an argument type of its own
export type Methods = Record<string, (argument: any) => Promise<unknown>>;

/** Serves the process that started this one, and ends with it. */
export function answerCalls(methods: Methods): void {
  const all: Methods = { ...methods, ...profiling };
  process.on('message', ({ id, method, argument }: Call) => {
    all[method]!(argument).then(
      (result) => send({ id, result }),
      (error: Error) => send({ id, error: error.stack ?? String(error) }),
    );
  });
  process.once('disconnect', () => process.exit());
}

function send(answer: Answer): void {
  // Whoever asked may have ended meanwhile, and this process is then about to.
  if (process.connected) process.send!(answer);
}

/** A profile of a program that did less than this says nothing. */
const WORTH_KEEPING_MS = 100;
let session: Session | undefined;

const profiling = {
  async startProfile(): Promise<void> {
    session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
  },

  async stopProfile({ file }: { file: string }): Promise<void> {
    const { profile } = await session!.post('Profiler.stop');
    session!.disconnect();
    if (busyMs(profile) > WORTH_KEEPING_MS) await writeFile(file, JSON.stringify(profile));
  },
};

function busyMs({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): number {
  const idle = new Set(
    nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id),
  );
  return samples.reduce((sum, id, n) => (idle.has(id) ? sum : sum + (timeDeltas[n] ?? 0) / 1_000), 0);
}
