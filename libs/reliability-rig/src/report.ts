import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '@warren/tools/config.ts';
import { allFaults } from './faults/all-faults.ts';
import type { Figures } from './figures.ts';
import { markdownTable, type Column } from './table.ts';

/** Figures of a full run, with when and where they were taken. */
export interface DatedFigures extends Figures {
  date: string;
  machine: string;
}

/** The last figures of each fault; the document is made from it. */
const FIGURES_FILE = join(ROOT, 'libs/reliability-rig/figures.json');
const DOCUMENT = join(ROOT, 'docs/reliability.md');
const BEGIN = '<!-- figures: begin; written by npm run reliability -->';
const END = '<!-- figures: end -->';

const seconds = (milliseconds: number): string => (milliseconds / 1_000).toFixed(1);

const COLUMNS: readonly Column<Figures>[] = [
  { title: 'fault', cell: ({ fault }) => fault },
  { title: 'made', cell: ({ faults }) => String(faults), isNumber: true },
  { title: 'messages', cell: ({ messages }) => String(messages), isNumber: true },
  { title: 'wrong', cell: ({ violations }) => String(violations.length), isNumber: true },
  { title: 'dead letters', cell: ({ deadLetters }) => String(deadLetters), isNumber: true },
  { title: 'published twice', cell: ({ publishedTwice }) => String(publishedTwice), isNumber: true },
  { title: 'delivered again', cell: ({ deliveredAgain }) => String(deliveredAgain), isNumber: true },
  { title: 'redelivered', cell: ({ redelivered }) => String(redelivered), isNumber: true },
  { title: 'longest gap, s', cell: ({ longestGapMs }) => seconds(longestGapMs), isNumber: true },
  { title: 'took, s', cell: ({ durationMs }) => seconds(durationMs), isNumber: true },
];

export function figuresTable(figures: readonly Figures[]): string {
  return markdownTable(COLUMNS, figures);
}

export function describeMachine(): string {
  const [first] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${first?.model.trim() ?? 'unknown CPU'}, ${gigabytes} GB, ${process.platform}, Node ${process.versions.node}`;
}

/** Takes the figures over into the document, in the place of older ones of the same fault. */
export function writeDocument(fresh: readonly DatedFigures[]): void {
  const kept: DatedFigures[] = existsSync(FIGURES_FILE) ? JSON.parse(readFileSync(FIGURES_FILE, 'utf8')) : [];
  const latest = new Map([...kept, ...fresh].map((figures) => [figures.fault, figures]));
  const all = allFaults.flatMap(({ name }) => latest.get(name) ?? []);
  writeFileSync(FIGURES_FILE, `${JSON.stringify(all, null, 2)}\n`);
  const text = readFileSync(DOCUMENT, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} lacks the lines "${BEGIN}" and "${END}"`);
  writeFileSync(
    DOCUMENT,
    `${text.slice(0, begin)}${BEGIN}\n\n${generatedSection(all)}\n\n${text.slice(end)}`,
  );
}

function generatedSection(figures: readonly DatedFigures[]): string {
  const places = [...new Set(figures.map(({ date, machine }) => `${date.slice(0, 10)} on ${machine}`))];
  const notes = figures.flatMap(({ fault, note }) =>
    note === undefined ? [] : [`- \`${fault}\`: ${note}.`],
  );
  const wrong = figures.flatMap(({ fault, violations }) =>
    violations.map((what) => `- \`${fault}\`: ${what}`),
  );
  return [
    `Measured ${places.join('; ')}.`,
    figuresTable(figures),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
    wrong.length > 0
      ? `What was wrong:\n\n${wrong.join('\n')}`
      : 'Nothing was lost, doubled or out of order.',
  ].join('\n\n');
}
