/** `npm run bench`: from the arguments to the results. Run by Node as it is; see README.md. */
import { loadMeasures, namesOfMeasures } from './find-measures.ts';
import { parseOptions, usage, UsageError, type BenchOptions } from './options.ts';
import { compile, installPeers } from './packages.ts';
import { Progress } from './progress.ts';

const names = await namesOfMeasures();
const progress = new Progress();
try {
  const options = parseOptions(process.argv.slice(2), names);
  if (options === 'help') console.log(usage(names));
  else await bench(options);
} catch (error) {
  progress.line(
    error instanceof UsageError ? `${error.message}\n\n${usage(names)}` : (error as Error).stack!,
  );
  process.exitCode = error instanceof UsageError ? 64 : 1;
}

async function bench({ only, quick, profile }: BenchOptions): Promise<void> {
  await installPeers((text) => progress.line(text));
  await compile((text) => progress.line(text));
  // Only now is everything there that these need.
  const { runBench } = await import('./run-bench.ts');
  const measures = await loadMeasures(names);
  await runBench({ measures, only, quick, profile, progress });
}
