import { stopAllProcesses } from '@warren/tools/processes/managed-process.ts';
import type { Figures } from './figures.ts';
import { FULL_MESSAGES, parseOptions, timesOf, usage, UsageError, type RigOptions } from './options.ts';
import { describeMachine, figuresTable, writeDocument } from './report.ts';
import { Rig } from './rig.ts';

/** As in https://man.freebsd.org/cgi/man.cgi?sysexits */
const EXIT = { wrong: 1, usage: 64, interrupted: 130 };

let options: RigOptions;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run reliability -- --help shows what there is`);
  process.exit(EXIT.usage);
}
if (options.help) {
  console.log(usage());
} else {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(
      signal,
      () => void stopAllProcesses('at once').finally(() => process.exit(EXIT.interrupted)),
    );
  }
  process.exitCode = (await runAll(options)) ? 0 : EXIT.wrong;
}

/** @returns whether all is well */
async function runAll({ faults, messages, rate }: RigOptions): Promise<boolean> {
  console.error('Starting a broker and a database for the rig');
  const rig = await Rig.open();
  console.error(`What the services write is in ${rig.logDirectory}`);
  const figures: Figures[] = [];
  const wrong: string[] = [];
  try {
    for (const [n, fault] of faults.entries()) {
      const report = (what: string): void => console.error(`[${n + 1}/${faults.length}] ${what}`);
      report(`${fault.name}: ${fault.description}`);
      try {
        const found = await rig.run(fault, { messages, times: timesOf(fault, messages), rate, report });
        figures.push(found);
        wrong.push(...found.violations.map((what) => `${fault.name}: ${what}`));
        report(
          `${fault.name}: ${found.violations.length === 0 ? 'all is well' : found.violations.join('\n  ')}`,
        );
        // After each, so that an interrupted run leaves what it has found.
        if (messages >= FULL_MESSAGES) {
          writeDocument([{ ...found, date: new Date().toISOString(), machine: describeMachine() }]);
        }
      } catch (error) {
        // The other faults can still be made.
        const { message } = error as Error;
        wrong.push(message.startsWith(fault.name) ? message : `${fault.name}: ${message}`);
        report(`${fault.name} could not be brought to an end: ${message}`);
      }
    }
  } finally {
    await rig.close();
    if (figures.length > 0) console.log(`\n${figuresTable(figures)}`);
  }
  for (const { fault, note } of figures) if (note !== undefined) console.log(`${fault}: ${note}`);
  for (const what of wrong) console.error(what);
  return wrong.length === 0;
}
