export interface Column<Row> {
  title: string;
  cell(row: Row): string;
  /** Numbers stand to the right. */
  isNumber?: boolean;
}

/** A Markdown table whose columns are padded, so that it can be read as it is. */
export function markdownTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = columns.map(({ title }, n) =>
    Math.max(title.length, 3, ...cells.map((line) => line[n]!.length)),
  );
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text, n) => (columns[n]!.isNumber ? text.padStart(widths[n]!) : text.padEnd(widths[n]!))).join(' | ')} |`;
  const rule = columns.map(({ isNumber }, n) =>
    isNumber ? `${'-'.repeat(widths[n]! - 1)}:` : '-'.repeat(widths[n]!),
  );
  return [line(columns.map(({ title }) => title)), line(rule), ...cells.map(line)].join('\n');
}
