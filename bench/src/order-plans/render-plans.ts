import type { Machine } from '../machine.ts';
import { rounded } from '../statistics.ts';
import { FEW_ROWS, MOST_BUFFERS, type Summary } from './judge.ts';

export interface PlansInput {
  summaries: readonly Summary[];
  orders: number;
  machine: Machine;
  /** RFC 3339, UTC. */
  date: string;
}

/** Of long statements: what they begin with, and what they end with. */
const SHOWN_CHARACTERS = { first: 90, last: 25 };

/** order-plans.md: every statement on the way of an order, and how the server comes to its rows. */
export function renderPlans({ summaries, orders, machine, date }: PlansInput): string {
  const sorted = summaries.toSorted(
    (a, b) => a.statement.localeCompare(b.statement) || Number(a.generic) - Number(b.generic),
  );
  const bad = summaries.filter(({ faults }) => faults.length > 0);
  const most = summaries.reduce((a, b) => (b.buffers.median > a.buffers.median ? b : a));
  return `# Plans with ${orders.toLocaleString('en-US')} orders

Written by \`npm run bench -- plans\`: every statement that order-service and the messaging library send on each path of
an order, with the plan that it was run with, from auto_explain. *Generic* is a plan that was made without a look at the
parameters, as prepared statements get it after a while. A new connection reads the catalog, too, which makes the most of
its pages.

- Date: ${date}
- ${machine.cpu}, ${machine.cores} cores, PostgreSQL ${machine.postgres}, load average before the run: ${machine.loadBefore}
- No plan may read a table of more than ${FEW_ROWS} rows from end to end, or look at more than ${MOST_BUFFERS} pages of 8 KiB for one
  order: ${bad.length === 0 ? 'none does' : `**${bad.length} do**`}. The most is ${rounded(most.buffers.median)} (\`${shown(most.statement)}\`).

| statement | paths | plan | generic | runs | pages, median (most) | ms, median (most) |
|---|---|---|---|---|---|---|
${sorted.map(line).join('\n')}
${bad.length > 0 ? `\n## Bad ones\n\n${bad.map(({ statement, faults }) => `- ${faults.join(', ')}: \`${statement}\``).join('\n')}\n` : ''}`;
}

function line(summary: Summary): string {
  const { statement, paths, accesses, generic, runs, buffers, ms } = summary;
  const cells = [
    `\`${shown(statement)}\``,
    paths.length > 4 ? 'most' : paths.join('; '),
    accesses,
    generic ? 'yes' : '',
    runs,
    `${rounded(buffers.median)} (${rounded(buffers.most)})`,
    `${rounded(ms.median)} (${rounded(ms.most)})`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function shown(statement: string): string {
  const text = statement.replaceAll('|', '\\|').replaceAll('`', "'");
  const { first, last } = SHOWN_CHARACTERS;
  return text.length > first + last ? `${text.slice(0, first)} … ${text.slice(-last)}` : text;
}
