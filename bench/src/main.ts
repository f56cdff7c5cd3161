/** `npm run bench`: from the arguments to the results. Run by Node as it is; see README.md. */
import { loadMeasures, namesOfMeasures } from './find-measures.ts';
import { parseOptions, usage, UsageError, type BenchOptions } from './options.ts';
import { compile, installPeers } from './packages.ts';
import { Progress } from './progress.ts';

const names = await namesOfMeasures();
const progress = new Progress();
const args = process.argv.slice(2);
try {
  if (args[0] === 'plans') await plans(args.slice(1));
  else await measures(args);
} catch (error) {
  progress.line(
    error instanceof UsageError ? `${error.message}\n\n${usage(names)}` : (error as Error).stack!,
  );
  process.exitCode = error instanceof UsageError ? 64 : 1;
}

async function measures(given: readonly string[]): Promise<void> {
  const options = parseOptions(given, names);
  if (options === 'help') console.log(usage(names));
  else await bench(options);
}

async function plans(given: readonly string[]): Promise<void> {
  await compile((text) => progress.line(text));
  const { takePlans } = await import('./order-plans/take-plans.ts');
  await takePlans(given, progress);
}

async function bench({ only, quick, profile }: BenchOptions): Promise<void> {
  await installPeers((text) => progress.line(text));
  await compile((text) => progress.line(text));
  // Only now is everything there that these need.
  const { runBench } = await import('./run-bench.ts');
  const all = await loadMeasures(names);
  await runBench({ measures: all, only, quick, profile, progress });
}
