/** One thing that happened to an order or a file, as its history has it. */
export interface HistoryEntry {
  /** Version after it; 0 for what the gateway noted itself. */
  version: number;
  type: string;
}

/** A view together with what one needs to know in order to follow its changes. */
export interface Followed<View> {
  view: View;
  /** Everything that is known to have happened, the first thing first. */
  entries: readonly HistoryEntry[];
  /** Whether it has come to its end, and everything that led there is known. */
  isFinal: boolean;
  /** How long ago the latest entry became known, in milliseconds. */
  quietMs: number;
}

/** Whether no version is missing up to the latest one known. */
export function isGapless(entries: readonly HistoryEntry[]): boolean {
  const versions = new Set(entries.map(({ version }) => version).filter((version) => version > 0));
  return versions.size === Math.max(0, ...versions);
}
