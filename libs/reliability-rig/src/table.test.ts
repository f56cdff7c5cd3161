import { markdownTable } from './table.ts';

describe('a table', () => {
  it('has padded columns, and numbers to the right', () => {
    const text = markdownTable(
      [
        { title: 'fault', cell: ({ fault }: { fault: string; n: number }) => fault },
        { title: 'n', cell: ({ n }) => String(n), isNumber: true },
      ],
      [
        { fault: 'broker-killed', n: 7 },
        { fault: 'none', n: 12_345 },
      ],
    );
    expect(text).toBe(
      [
        '| fault         |     n |',
        '| ------------- | ----: |',
        '| broker-killed |     7 |',
        '| none          | 12345 |',
      ].join('\n'),
    );
  });
});
