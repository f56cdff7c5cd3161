import { AGE_CLASSES, type DeadLetter, type DeadLetterSummary } from '@warren/messaging';
import { age, counted, plain, table } from '../operate/table.ts';

/** The counts, for people. */
export function summaryTable({ count, groups, tooOld, misplaced }: DeadLetterSummary): string {
  if (count === 0) return 'No dead letters.';
  // Only the ages that there are.
  const ages = AGE_CLASSES.filter(({ name }) => groups.some((group) => group.ages[name] > 0));
  const rows = groups.map((group) => [
    group.queue,
    plain(group.reason),
    plain(group.type),
    group.count,
    ...ages.map(({ name }) => group.ages[name]),
    age(group.oldest),
    group.redriven,
  ]);
  const head = [
    'QUEUE',
    'REASON',
    'TYPE',
    'COUNT',
    ...ages.map(({ name }) => name.toUpperCase()),
    'OLDEST',
    'REDRIVEN',
  ];
  const notes = [
    ...(tooOld > 0
      ? [`${tooOld} are older than 30 days, or of unknown age: they are redriven with --force only.`]
      : []),
    ...(misplaced > 0
      ? [`${misplaced} name another queue than the one they lie in: they are not redriven.`]
      : []),
  ];
  return [table(head, rows), '', `${counted(count, 'dead letter')}.`, ...notes].join('\n');
}

export const LETTER_HEAD = ['ID', 'QUEUE', 'TYPE', 'REASON', 'DEAD FOR', 'ERROR'];

/** One of them, for people. */
export function letterRow(letter: DeadLetter): string[] {
  const { id, queue, type, reason, diedAt, error } = letter;
  return [plain(id), queue, plain(type), plain(reason), age(diedAt), oneLine(error?.message ?? '')];
}

const LONGEST = 100;

function oneLine(text: string): string {
  const line = plain(text.replaceAll(/\s+/g, ' '));
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}
