import { readdir, readFile } from 'node:fs/promises';

/** Linux counts CPU time for programs in hundredths of a second, whatever its own clock. */
const TICKS_PER_SECOND = 100;

interface Entry {
  parent: number;
  seconds: number;
}

/**
 * CPU seconds so far of each of these processes, with all that it has started, also what has ended.
 *
 * @returns undefined where the system does not tell, which is everywhere but on Linux
 */
export async function cpuSecondsOf<Name extends string>(
  processes: Readonly<Record<Name, readonly number[]>>,
): Promise<Record<Name, number> | undefined> {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.map(Number).filter(Number.isInteger);
  if (pids.length === 0) return undefined;
  const entries = new Map<number, Entry>();
  for (const pid of pids) {
    const entry = await readEntry(pid);
    if (entry) entries.set(pid, entry);
  }
  const secondsBelow = (root: number): number =>
    [...entries]
      .filter(([, { parent }]) => parent === root)
      .reduce((sum, [pid]) => sum + secondsBelow(pid), entries.get(root)?.seconds ?? 0);
  return Object.fromEntries(
    Object.entries<readonly number[]>(processes).map(([name, roots]) => [
      name,
      roots.reduce((sum, root) => sum + secondsBelow(root), 0),
    ]),
  ) as Record<Name, number>;
}

/** Source: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
async function readEntry(pid: number): Promise<Entry | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined); // it has ended meanwhile
  if (text === undefined) return undefined;
  // The second field is the program's name in brackets, and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const times = fields.slice(11, 15).map(Number);
  return { parent: Number(fields[1]), seconds: times.reduce((a, b) => a + b) / TICKS_PER_SECOND };
}
