/** Columns as wide as what stands in them; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column] ?? '').length)),
  );
  const line = (cells: readonly (string | number)[]) =>
    cells
      .map((cell, column) =>
        typeof cell === 'number' ? String(cell).padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

/** What a terminal would take for a command is shown as a dot: names and errors are anybody's. */
export function plain(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t\n]|\p{Bidi_Control}/gu, '·');
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** For example `3 d`, `20 min`. */
export function age(at: Date | string | undefined, now = Date.now()): string {
  if (at === undefined) return '?';
  const ms = Math.max(0, now - new Date(at).getTime());
  const [size, unit] = UNITS.find(([length]) => ms >= length) ?? [1_000, 's'];
  return `${Math.floor(ms / size)} ${unit}`;
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
