import type { Goal } from './measure.ts';

/** @throws RangeError when there are no values */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/**
 * The value below which the share `q` of the values lies, interpolated between neighbours.
 *
 * @throws RangeError when there are no values
 */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('there are no values');
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}

/** Cut to four digits that count: more would claim what no run can know. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

export function holds(ratio: number, goal: Goal): boolean {
  return 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost;
}

/** How much of its goal a ratio has reached: 1 is the goal, more is better, whichever way the goal points. */
export function shareOfGoal(ratio: number, goal: Goal): number {
  return 'atLeast' in goal ? ratio / goal.atLeast : goal.atMost / ratio;
}
