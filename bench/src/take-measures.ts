import type { Experiment, NamedMeasure, Sample } from './measure.ts';
import type { Lab } from './lab.ts';
import type { Progress } from './progress.ts';
import { rounded } from './statistics.ts';

const ROUNDS = 5;

/** The figures of every contender of an experiment, in the order of the rounds. */
export interface Taken {
  samples: Map<string, Sample[]>;
  /** Contenders that could not take part, and why. */
  unavailable: Map<string, string>;
}

/** The experiments that the measures read, each once, with the contenders that are needed. */
export function planOf(measures: readonly NamedMeasure[]): Map<Experiment, string[]> {
  const needed = new Map<Experiment, Set<string>>();
  for (const { experiment, ours, comparisons } of measures) {
    const names = needed.get(experiment) ?? new Set();
    needed.set(experiment, names);
    for (const name of [ours, ...comparisons.map(({ against }) => against)]) names.add(name);
  }
  return new Map(
    [...needed].map(([experiment, names]) => [
      experiment,
      experiment.contenders.filter((name) => names.has(name)),
    ]),
  );
}

/** Takes an experiment: one turn of each contender to warm up, then rounds in which they take turns. */
export async function takeExperiment(
  lab: Lab,
  experiment: Experiment,
  contenders: readonly string[],
  measures: readonly NamedMeasure[],
  progress: Progress,
): Promise<Taken> {
  progress.line(`\n${experiment.name}: ${contenders.join(', ')}`);
  progress.passing('  preparing');
  const open = await experiment.open(lab, contenders);
  try {
    const unavailable = new Map(open.unavailable);
    for (const [name, why] of unavailable) progress.line(`  left out: ${name}. ${why}`);
    const present = contenders.filter((name) => !unavailable.has(name));
    const samples = new Map<string, Sample[]>(present.map((name) => [name, []]));
    for (const name of present) {
      progress.passing(`  warming up: ${name}`);
      await open.turn(name, 'warm-up');
    }
    const rounds = lab.quick ? 1 : ROUNDS;
    for (let round = 1; round <= rounds; round += 1) {
      const told: string[] = [];
      for (const name of present) {
        progress.passing(`  round ${round} of ${rounds}: ${[...told, `${name} …`].join(' · ')}`);
        const sample = await lab.profiled(`${experiment.name} ${name}`, () => open.turn(name, 'measured'));
        samples.get(name)!.push(sample);
        told.push(`${name} ${figuresOf(sample, experiment, measures)}`);
      }
      progress.line(`  round ${round} of ${rounds}: ${told.join(' · ')}`);
    }
    return { samples, unavailable };
  } finally {
    progress.passing('  clearing up');
    await open.close();
    await lab.clear();
  }
}

function figuresOf(sample: Sample, experiment: Experiment, measures: readonly NamedMeasure[]): string {
  const read = new Map(
    measures.filter((one) => one.experiment === experiment).map(({ figure, unit }) => [figure, unit]),
  );
  return [...read].map(([figure, unit]) => `${rounded(sample[figure] ?? Number.NaN)} ${unit}`).join(', ');
}
