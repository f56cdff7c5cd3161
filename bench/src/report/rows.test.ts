import type { NamedMeasure } from '../measure.ts';
import { mergeRows, rowsOf, type Row } from './rows.ts';

const measure = {
  name: 'relay',
  unit: 'messages/s',
  figure: 'rate',
  ours: 'warren',
  comparisons: [{ against: 'amqplib', goal: { atLeast: 0.8, aim: 0.95 } }, { against: 'peer' }],
} as unknown as NamedMeasure;

const rates = (...values: number[]) => values.map((rate) => ({ rate }));
const run = { date: '2026-01-01T00:00:00.000Z', quick: false };

describe('the rows of a measure', () => {
  it('divide the medians, whatever single rounds came to', () => {
    const samples = new Map([
      ['warren', rates(900, 100, 1_000)],
      ['amqplib', rates(1_000, 2_000, 5)],
      ['peer', rates(50, 50, 50)],
    ]);
    const [first, second] = rowsOf(measure, { samples, unavailable: new Map() }, run);
    expect(first).toMatchObject({
      ours: 900,
      against: 1_000,
      ratio: 0.9,
      holds: true,
      goal: { atLeast: 0.8 },
    });
    expect(first!.runs).toEqual({ ours: [900, 100, 1_000], against: [1_000, 2_000, 5] });
    expect(second).toMatchObject({ ratio: 18, goal: null, holds: null });
  });

  it('leave out a contender that could not take part', () => {
    const samples = new Map([
      ['warren', rates(900)],
      ['amqplib', rates(1_000)],
    ]);
    const rows = rowsOf(measure, { samples, unavailable: new Map([['peer', 'not here']]) }, run);
    expect(rows.map(({ contenders }) => contenders.against)).toEqual(['amqplib']);
  });

  it('refuse a sample without the figure', () => {
    const samples = new Map([['warren', [{ other: 1 }]]]);
    expect(() => rowsOf(measure, { samples, unavailable: new Map() }, run)).toThrow(/no rate/);
  });
});

describe('merging', () => {
  const row = (name: string, ratio: number) => ({ measure: name, ratio }) as Row;

  it('replaces what was taken, keeps the rest, and forgets measures that are no more', () => {
    const former = [row('a', 1), row('gone', 1), row('b', 1), row('b', 2)];
    const merged = mergeRows(former, [row('b', 9)], ['a', 'b', 'c']);
    expect(merged).toEqual([row('a', 1), row('b', 9)]);
  });
});
