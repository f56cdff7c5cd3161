/** Milliseconds of a clock that all processes of the machine share and that nobody sets. */
export function sharedClock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Starts `work` so often a second for so many seconds, whether or not what was started before has ended: those who
 * cause events do not wait for those who handle them.
 *
 * @throws when one of them fails, after all have ended
 */
export async function atRate(
  perSecond: number,
  seconds: number,
  work: (n: number) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  const total = perSecond * seconds;
  const running: Promise<void>[] = [];
  let failure: unknown;
  const start = async (n: number) => {
    try {
      await work(n);
    } catch (error) {
      failure ??= error;
    }
  };
  await new Promise<void>((resolve) => {
    const startDue = () => {
      const due = Math.min(total, Math.floor(((performance.now() - started) / 1_000) * perSecond) + 1);
      while (running.length < due) running.push(start(running.length));
      if (running.length === total) resolve();
      else
        setTimeout(startDue, Math.max(0, started + (running.length / perSecond) * 1_000 - performance.now()));
    };
    startDue();
  });
  await Promise.all(running);
  if (failure !== undefined) {
    const { message } = failure as Error;
    throw new Error(`the machine does not keep up with ${perSecond} events a second: ${message}`, {
      cause: failure,
    });
  }
}
