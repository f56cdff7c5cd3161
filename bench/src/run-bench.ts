import { onStopSignals } from '@warren/tools/commands/stop-signals.ts';
import { stopAllProcesses } from '@warren/tools/processes/managed-process.ts';
import { Lab, PROFILES } from './lab.ts';
import { currentLoad, describeMachine } from './machine.ts';
import type { NamedMeasure } from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { rowsOf, type Row } from './report/rows.ts';
import { writeResults } from './report/write-results.ts';
import { planOf, takeExperiment } from './take-measures.ts';

/** With more than this, others take so much of the machine that ratios say little. */
const QUIET_LOAD = 0.7;

export interface BenchRun extends BenchOptions {
  measures: readonly NamedMeasure[];
  progress: Progress;
}

export async function runBench({ measures, only, quick, profile, progress }: BenchRun): Promise<void> {
  const date = new Date().toISOString();
  const loadBefore = currentLoad();
  if (loadBefore > QUIET_LOAD) {
    progress.line(`The machine is busy with other things (load ${loadBefore}): the figures will say little.`);
  }
  if (quick) progress.line('A quick run: one short round with small numbers, which proves nothing.');
  const wanted = measures.filter(({ name }) => only === undefined || only.includes(name));

  const lab = await Lab.open({ quick, profile, report: reporter(progress) });
  const isStopping = stopOnSignals(lab, progress);
  const failed: string[] = [];
  const taken: Row[] = [];
  const unavailable = new Map<string, string>();
  let machine;
  try {
    machine = describeMachine(await lab.versions(), loadBefore);
    for (const [experiment, contenders] of planOf(wanted)) {
      if (isStopping()) break;
      const result = await takeExperiment(lab, experiment, contenders, wanted, progress).catch(
        (error: Error) => {
          // The others are worth having all the same. What is being stopped has a right to fail.
          if (!isStopping()) progress.line(`  ${experiment.name} failed: ${error.stack}`);
          failed.push(experiment.name);
          return undefined;
        },
      );
      if (!result) continue;
      for (const [name, why] of result.unavailable) unavailable.set(name, why);
      for (const measure of wanted.filter((one) => one.experiment === experiment)) {
        taken.push(...rowsOf(measure, result, { date, quick }));
      }
    }
  } finally {
    progress.passing('Stopping the servers');
    await lab.close();
  }
  if (isStopping()) return;
  if (taken.length === 0)
    throw new Error('Nothing could be measured, see above; the results are as they were.');
  const directory = await writeResults({ taken, measures, machine, date, quick, unavailable });
  tell(taken, progress);
  progress.line(
    `\nResults: ${directory.replace(/\/$/, '')}/RESULTS.md${profile ? `, profiles: ${PROFILES}` : ''}`,
  );
  if (failed.length > 0) throw new Error(`These failed, see above: ${failed.join(', ')}`);
}

/** One line for each step; the counting within a step only where it can be drawn over. */
function reporter(progress: Progress): (text: string) => void {
  let last = '';
  return (text) => {
    const step = text.replace(/:.*$/s, '');
    if (step === last) progress.passing(text);
    else progress.line(text);
    last = step;
  };
}

/** @returns whether a stop was asked for */
function stopOnSignals(lab: Lab, progress: Progress): () => boolean {
  let stopping = false;
  onStopSignals(
    (signal) => {
      stopping = true;
      progress.line(`${signal}: stopping the servers. Once more stops at once.`);
      void lab.close().finally(() => process.exit(130));
    },
    () => void stopAllProcesses('at once').finally(() => process.exit(130)),
  );
  return () => stopping;
}

function tell(rows: readonly Row[], progress: Progress): void {
  progress.line('');
  for (const { measure, contenders, ours, against, unit, ratio, goal, holds } of rows) {
    const bound =
      goal === null ? '' : 'atLeast' in goal ? ` (goal ≥ ${goal.atLeast})` : ` (goal ≤ ${goal.atMost})`;
    const verdict = holds === null ? '' : holds ? ' holds' : ' DOES NOT HOLD';
    progress.line(
      `${measure}: ${contenders.ours} ${ours} / ${contenders.against} ${against} ${unit} = ${ratio}${bound}${verdict}`,
    );
  }
}
