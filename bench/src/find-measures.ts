import { readdir } from 'node:fs/promises';
import type { Measure, NamedMeasure } from './measure.ts';

const DIRECTORY = new URL('./measures/', import.meta.url);

/** The order of the results: files of one part stand together by the first word of their name. */
export async function namesOfMeasures(): Promise<string[]> {
  const files = await readdir(DIRECTORY);
  return files.flatMap((file) => (file.endsWith('.ts') ? file.slice(0, -3) : [])).sort();
}

export async function loadMeasures(names: readonly string[]): Promise<NamedMeasure[]> {
  return Promise.all(
    names.map(async (name) => {
      const { measure } = (await import(new URL(`${name}.ts`, DIRECTORY).href)) as { measure: Measure };
      return { name, ...measure };
    }),
  );
}
