/** Terminal and npm may both hand on the same Ctrl-C: signals this close together are one. */
const SAME_MS = 1_000;

/**
 * Calls `first` at the first SIGINT, SIGTERM or SIGHUP, and `second` at the next one that is not just an echo.
 */
export function onStopSignals(first: (signal: NodeJS.Signals) => void, second: () => void): void {
  let firstAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (firstAt === undefined) {
        firstAt = performance.now();
        first(signal);
      } else if (performance.now() - firstAt > SAME_MS) {
        second();
      }
    });
  }
}
