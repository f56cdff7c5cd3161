import { shareOfGoal } from '../statistics.ts';
import type { Row } from './rows.ts';

const WIDTH = 900;
const LABEL = 330;
const BAR = 18;
const GAP = 10;
const TOP = 54;
/** Bars end here; what is better still is told by its figure. */
const MOST = 2;

/** How far each measure with a goal has come: a bar for each, the goal at one line. */
export function chartOf(rows: readonly Row[]): string {
  const judged = rows.filter((row) => row.goal);
  const height = TOP + judged.length * (BAR + GAP) + 30;
  const scale = (share: number) => LABEL + (Math.min(share, MOST) / MOST) * (WIDTH - LABEL - 110);
  const bars = judged.map((row, index) => {
    const y = TOP + index * (BAR + GAP);
    const share = shareOfGoal(row.ratio, row.goal!);
    const bound = 'atLeast' in row.goal! ? `≥ ${row.goal.atLeast}` : `≤ ${row.goal!.atMost}`;
    const end = scale(share);
    return `
  <text x="${LABEL - 10}" y="${y + 13}" text-anchor="end">${escaped(`${row.measure} / ${row.contenders.against}`)}</text>
  <rect x="${LABEL}" y="${y}" width="${round(end - LABEL)}" height="${BAR}" fill="${row.holds ? '#2f855a' : '#c05621'}"/>
  <text x="${round(end + 6)}" y="${y + 13}">${row.ratio} × <tspan fill="#777">(${bound})</tspan></text>`;
  });
  const goal = scale(1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
  <rect width="${WIDTH}" height="${height}" fill="#fff"/>
  <text x="16" y="22" font-size="15" font-weight="bold">Ratios, as a share of their goal</text>
  <text x="${round(goal)}" y="44" text-anchor="middle" fill="#777">goal</text>
  <line x1="${round(goal)}" y1="48" x2="${round(goal)}" y2="${height - 24}" stroke="#777" stroke-dasharray="3 3"/>${bars.join('')}
</svg>
`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
