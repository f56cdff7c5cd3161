import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Measures to take; undefined: all. */
  only: string[] | undefined;
  /** One short round with small numbers: shows that everything works, and proves nothing. */
  quick: boolean;
  /** Write a CPU profile of every program that is measured. */
  profile: boolean;
}

/** Arguments that can't be used; the message says how to mend them. */
export class UsageError extends Error {}

export function usage(measures: readonly string[]): string {
  return `Usage: npm run bench -- [options]
       npm run bench -- plans [--orders <number>]

Measures Warren against its peers and against what the machine can do, on private servers of its own. Contenders
take turns (A B A B …) and the median of five rounds counts. Leave the machine alone meanwhile: a full run takes
half an hour, and says at each step what it does.

  --only <measure>   only this measure; may be given again, or several with commas between them
  --quick            one short round with small numbers: a look whether all of it works, no figures to rely on
  --profile          write a CPU profile of each program that is measured, to .warren/bench/profiles
  --help             this text

\`plans\` takes order-service through all its paths with a million orders, and fails when a statement reads a table from
end to end or too much for one order. Results: bench/results/order-plans.md.

Results: bench/RESULTS.md, with a chart, and bench/results/latest.json, where measures that were not taken keep
their former figures. A quick run leaves both alone and writes to .warren/bench/quick.

Measures:
${measures.map((name) => `  ${name}`).join('\n')}`;
}

/**
 * @param measures the names that there are
 * @returns 'help' when that was asked for
 * @throws UsageError
 */
export function parseOptions(args: readonly string[], measures: readonly string[]): BenchOptions | 'help' {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help) return 'help';
  const only = values.only?.flatMap((value) => value.split(',')).map((name) => name.trim());
  for (const name of only ?? []) {
    if (!measures.includes(name)) {
      throw new UsageError(`There is no measure "${name}". There are: ${measures.join(', ')}`);
    }
  }
  return { only: only && [...new Set(only)], quick: values.quick, profile: values.profile };
}
