import type { Goal, NamedMeasure } from '../measure.ts';
import type { Taken } from '../take-measures.ts';
import { holds, median, rounded } from '../statistics.ts';

/** One line of the results: a measure of ours against one contender. */
export interface Row {
  measure: string;
  /** Median of ours, in `unit`. */
  ours: number;
  /** Median of the contender. */
  against: number;
  unit: string;
  /** `ours` divided by `against`. */
  ratio: number;
  /** Null where the ratio is only told. */
  goal: Goal | null;
  holds: boolean | null;
  /** Every round, in its order. */
  runs: { ours: number[]; against: number[] };
  contenders: { ours: string; against: string };
  /** When it was taken: RFC 3339, UTC. */
  date: string;
  /** Taken in a quick run: one short round with small numbers. */
  quick: boolean;
}

export function rowsOf(measure: NamedMeasure, taken: Taken, run: { date: string; quick: boolean }): Row[] {
  const valuesOf = (contender: string) =>
    (taken.samples.get(contender) ?? []).map((sample) => {
      const value = sample[measure.figure];
      if (value === undefined)
        throw new Error(`${measure.name}: a sample of ${contender} has no ${measure.figure}`);
      return rounded(value);
    });
  const oursRuns = valuesOf(measure.ours);
  if (oursRuns.length === 0) return [];
  return measure.comparisons.flatMap(({ against, goal = null }) => {
    const againstRuns = valuesOf(against);
    if (againstRuns.length === 0) return [];
    const [ours, theirs] = [rounded(median(oursRuns)), rounded(median(againstRuns))];
    const ratio = rounded(ours / theirs);
    return {
      measure: measure.name,
      ours,
      against: theirs,
      unit: measure.unit,
      ratio,
      goal,
      holds: goal && holds(ratio, goal),
      runs: { ours: oursRuns, against: againstRuns },
      contenders: { ours: measure.ours, against },
      ...run,
    };
  });
}

/** The former rows, with those of the measures that were taken now replaced, in the order of `names`. */
export function mergeRows(former: readonly Row[], taken: readonly Row[], names: readonly string[]): Row[] {
  const now = new Set(taken.map(({ measure }) => measure));
  const all = [...former.filter(({ measure }) => !now.has(measure)), ...taken];
  return names.flatMap((name) => all.filter(({ measure }) => measure === name));
}
