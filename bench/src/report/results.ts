import type { Machine } from '../machine.ts';
import type { NamedMeasure } from '../measure.ts';
import type { Row } from './rows.ts';

export interface ResultsInput {
  rows: readonly Row[];
  measures: readonly NamedMeasure[];
  machine: Machine;
  date: string;
  quick: boolean;
  /** Contenders that could not take part in this run, and why. */
  unavailable: ReadonlyMap<string, string>;
}

/** RESULTS.md: what was measured, on what, and how. */
export function renderResults({ rows, measures, machine, date, quick, unavailable }: ResultsInput): string {
  const judged = rows.filter(({ goal }) => goal);
  const told = rows.filter(({ goal }) => !goal);
  const held = judged.filter((row) => row.holds).length;
  return `# Benchmark results

Written by \`npm run bench\`; [README.md](README.md) says how to run it and how to add to it.
${quick ? '\n**A quick run: one short round with small numbers. It shows that everything works; its figures prove nothing.**\n' : ''}
- Date: ${date}
- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}
- Node ${machine.node}, RabbitMQ ${machine.rabbitmq}, PostgreSQL ${machine.postgres} (every commit reaches the disk),
  one node each; clients, broker and database share the machine
- Load average before the run: ${machine.loadBefore}

Contenders take turns (A B A B …) ${quick ? 'once' : 'for five rounds'}. A figure is the median of its rounds, a ratio the median of ours divided by
the other's; in brackets the lowest and highest round. ${held} of ${judged.length} goals hold.

![Ratios as a share of their goal](results/chart.svg)

| measure | ours | against | ratio | goal | aim | holds |
|---|---|---|---|---|---|---|
${judged.map((row) => judgedLine(row, date)).join('\n')}
${told.length > 0 ? `\n## Beside peers\n\n| measure | ours | against | ratio |\n|---|---|---|---|\n${told.map(toldLine).join('\n')}\n` : ''}${
    unavailable.size > 0
      ? `\n## Left out\n\n${[...unavailable].map(([name, why]) => `- ${name}: ${why.split('\n')[0]}`).join('\n')}\n`
      : ''
  }
## How

${measures
  .filter(({ name }) => rows.some(({ measure }) => measure === name))
  .map(({ name, title, method }) => `- **${name}**. ${title}. ${method}`)
  .join('\n')}
`;
}

function judgedLine(row: Row, date: string): string {
  const goal = row.goal!;
  const bound = 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
  const other = row.date === date ? '' : ` (of ${row.date.slice(0, 10)})`;
  const cells = [
    `${row.measure}${other}`,
    figure(row.ours, row.runs.ours, row.unit),
    `${row.contenders.against}: ${figure(row.against, row.runs.against, row.unit)}`,
    `**${row.ratio}**`,
    bound,
    goal.aim ?? '',
    row.holds ? 'yes' : '**no**',
  ];
  return `| ${cells.join(' | ')} |`;
}

function toldLine(row: Row): string {
  const cells = [
    row.measure,
    figure(row.ours, row.runs.ours, row.unit),
    `${row.contenders.against}: ${figure(row.against, row.runs.against, row.unit)}`,
    row.ratio,
  ];
  return `| ${cells.join(' | ')} |`;
}

function figure(value: number, runs: readonly number[], unit: string): string {
  const spread = runs.length > 1 ? ` [${format(Math.min(...runs))}–${format(Math.max(...runs))}]` : '';
  return `${format(value)} ${unit}${spread}`;
}

function format(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 });
}
