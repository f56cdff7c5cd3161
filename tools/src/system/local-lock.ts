import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_DIRECTORY } from '../config.ts';
import { commandLineOf } from '../processes/process-control.ts';

const FILE = join(LOCAL_DIRECTORY, 'start.pid');

/** The process of a running `npm start` of this clone; undefined when there is none. */
export async function runningStart(): Promise<number | undefined> {
  let text: string;
  try {
    text = readFileSync(FILE, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const pid = Number.parseInt(text, 10);
  const commandLine = Number.isInteger(pid) ? await commandLineOf(pid) : undefined;
  return commandLine?.includes('commands/start.ts') ? pid : undefined;
}

/**
 * Makes this process the only `npm start` of the clone, until it ends.
 *
 * @returns the process of another one that is running; undefined when this one may go on.
 */
export async function claimStart(): Promise<number | undefined> {
  mkdirSync(LOCAL_DIRECTORY, { recursive: true });
  for (;;) {
    try {
      writeFileSync(FILE, `${process.pid}\n`, { flag: 'wx' });
      process.on('exit', () => rmSync(FILE, { force: true }));
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const other = await runningStart();
    if (other !== undefined) return other;
    rmSync(FILE, { force: true }); // left behind by one that was killed
  }
}
