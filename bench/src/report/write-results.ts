import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LOCAL_DIRECTORY } from '@warren/tools/config.ts';
import { chartOf } from './chart.ts';
import { renderResults, type ResultsInput } from './results.ts';
import { mergeRows, type Row } from './rows.ts';

const BENCH = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Writes RESULTS.md, its chart and latest.json: those of the repository after a full run, others after a quick one.
 *
 * @returns the directory
 */
export async function writeResults(
  input: Omit<ResultsInput, 'rows'> & { taken: readonly Row[] },
): Promise<string> {
  const directory = input.quick ? join(LOCAL_DIRECTORY, 'bench/quick') : BENCH;
  const latest = join(directory, 'results/latest.json');
  await mkdir(join(directory, 'results'), { recursive: true });
  const former = input.quick ? [] : await readRows(latest);
  const rows = mergeRows(
    former,
    input.taken,
    input.measures.map(({ name }) => name),
  );
  await writeFile(latest, `${JSON.stringify(rows, null, 2)}\n`);
  await writeFile(join(directory, 'results/chart.svg'), chartOf(rows));
  await writeFile(join(directory, 'RESULTS.md'), renderResults({ ...input, rows }));
  return directory;
}

async function readRows(file: string): Promise<Row[]> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Row[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
