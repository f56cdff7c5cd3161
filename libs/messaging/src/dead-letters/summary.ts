import type { DeadLetter } from './dead-letter.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Ages by which dead letters are counted; beyond the last redriving takes force. */
export const AGE_CLASSES = [
  { name: 'under 1 h', belowMs: HOUR_MS },
  { name: 'under 1 d', belowMs: DAY_MS },
  { name: 'under 7 d', belowMs: 7 * DAY_MS },
  { name: 'under 30 d', belowMs: 30 * DAY_MS },
  { name: 'older', belowMs: Infinity },
  { name: 'unknown', belowMs: Infinity },
] as const;

export type AgeClass = (typeof AGE_CLASSES)[number]['name'];

/** Dead letters that have queue, reason and type in common. */
export interface DeadLetterGroup {
  queue: string;
  reason: string;
  type: string;
  count: number;
  /** How many have been dead for how long. */
  ages: Record<AgeClass, number>;
  /** When the first and the last of them died, as far as that is known. RFC 3339. */
  oldest: string | undefined;
  newest: string | undefined;
  /** How many were redriven before. */
  redriven: number;
}

export interface DeadLetterSummary {
  count: number;
  /** How many a redrive leaves where they are unless it is forced: older than 30 days, or of unknown age. */
  tooOld: number;
  /** How many no redrive sends, because their headers say that they failed in another queue. */
  misplaced: number;
  /** Sorted by queue, then the largest first. */
  groups: DeadLetterGroup[];
}

/** Types are anybody's: with more of them than this the rest are counted together. */
const MOST_GROUPS = 1_000;
const OTHERS = '(others)';

/** Counts dead letters, in memory that doesn't grow with their number. */
export class DeadLetterCounter {
  readonly #now: number;
  readonly #groups = new Map<string, DeadLetterGroup>();
  #count = 0;
  #tooOld = 0;
  #misplaced = 0;

  constructor(now = Date.now()) {
    this.#now = now;
  }

  add(letter: DeadLetter): void {
    this.#count += 1;
    if (letter.misplacedFrom !== undefined) this.#misplaced += 1;
    else if (letter.isBeyondInbox(this.#now)) this.#tooOld += 1;
    const group = this.#groupOf(letter);
    group.count += 1;
    if (letter.redriven) group.redriven += 1;
    const { diedAt } = letter;
    group.ages[ageClass(diedAt, this.#now)] += 1;
    if (!diedAt) return;
    const at = diedAt.toISOString();
    if (group.oldest === undefined || at < group.oldest) group.oldest = at;
    if (group.newest === undefined || at > group.newest) group.newest = at;
  }

  summary(): DeadLetterSummary {
    const groups = [...this.#groups.values()].sort((a, b) =>
      a.queue === b.queue ? b.count - a.count : a.queue < b.queue ? -1 : 1,
    );
    return { count: this.#count, tooOld: this.#tooOld, misplaced: this.#misplaced, groups };
  }

  #groupOf({ queue, reason, type }: DeadLetter): DeadLetterGroup {
    const own = JSON.stringify([queue, reason, type]);
    const isOther = !this.#groups.has(own) && this.#groups.size >= MOST_GROUPS;
    const key = isOther ? JSON.stringify([queue, OTHERS, OTHERS]) : own;
    let group = this.#groups.get(key);
    if (!group) {
      const ages = Object.fromEntries(AGE_CLASSES.map(({ name }) => [name, 0])) as Record<AgeClass, number>;
      const names = isOther ? { queue, reason: OTHERS, type: OTHERS } : { queue, reason, type };
      group = { ...names, count: 0, ages, oldest: undefined, newest: undefined, redriven: 0 };
      this.#groups.set(key, group);
    }
    return group;
  }
}

function ageClass(diedAt: Date | undefined, now: number): AgeClass {
  if (!diedAt) return 'unknown';
  const age = now - diedAt.getTime();
  return AGE_CLASSES.find(({ belowMs }) => age < belowMs)!.name;
}
