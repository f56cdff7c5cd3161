import type { Lab } from './lab.ts';

/** What one turn of a contender came to: figures by name, each in the unit that its measure states. */
export type Sample = Readonly<Record<string, number>>;

/** An arrangement in which contenders do the same work in turn. Several measures may read the same experiment. */
export interface Experiment {
  readonly name: string;
  /** Who takes turns, in this order. */
  readonly contenders: readonly string[];
  /** Prepares what all turns need. */
  open(lab: Lab, contenders: readonly string[]): Promise<OpenExperiment>;
}

export interface OpenExperiment {
  /** Contenders that can't take part on this machine, and why. */
  readonly unavailable?: ReadonlyMap<string, string>;
  /** @param purpose a warm-up may be shorter: nobody reads its figures */
  turn(contender: string, purpose: 'warm-up' | 'measured'): Promise<Sample>;
  close(): Promise<void>;
}

/** What a ratio must come to, and what it is wished to come to. */
export type Goal = { atLeast: number; aim: number | null } | { atMost: number; aim: number | null };

export interface Comparison {
  /** The contender that ours is divided by. */
  against: string;
  /** Without one, the ratio is told and judged by nobody. */
  goal?: Goal;
}

/** One figure of an experiment, ours against that of others. A measure has the name of its file. */
export interface Measure {
  readonly title: string;
  /** How it is measured, for the reader of the results. */
  readonly method: string;
  readonly unit: string;
  readonly experiment: Experiment;
  /** Which figure of a sample. */
  readonly figure: string;
  /** The contender that is ours. */
  readonly ours: string;
  readonly comparisons: readonly Comparison[];
}

export type NamedMeasure = Measure & { readonly name: string };
