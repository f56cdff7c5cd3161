const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Reads a duration such as `500ms`, `5s`, `30m`, `1h` or `7d`.
 *
 * @returns milliseconds
 * @throws TypeError for anything else
 */
export function parseDuration(text: string): number {
  const match = /^([1-9][0-9]*)(ms|s|m|h|d)$/.exec(text);
  if (!match)
    throw new TypeError(`"${text}" is not a duration: write a number and ms, s, m, h or d, as in 30s`);
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
}
