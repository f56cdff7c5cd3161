import { join } from 'node:path';
import type { DeadLetter, DeadLetterSummary, RedriveReport } from '@warren/messaging';
import { LOCAL_DIRECTORY } from '../config.ts';
import { confirm } from '../operate/confirm.ts';
import { EXIT } from '../operate/exit-codes.ts';
import { counted, table } from '../operate/table.ts';
import { LETTER_HEAD, letterRow, summaryTable } from './list.ts';
import type { Session } from './session.ts';
import { describe, toJson, toSummary } from './show.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const printJson = (value: unknown): void => print(JSON.stringify(value));

/** Where single dead letters are listed when nobody says how many. */
const LISTED = 50;

export async function list({ letters, args, progress, signal }: Session): Promise<number> {
  const { filter, json, each } = args;
  if (!each) {
    const summary = await letters.summarize(filter, { signal, onProgress: looking(progress) });
    progress.clear();
    if (json) printJson(summary);
    else print(summaryTable(summary));
    return EXIT.done;
  }
  const limit = args.limit ?? (json ? Infinity : LISTED);
  const enough = new AbortController();
  const rows: string[][] = [];
  let shown = 0;
  await letters.look(
    filter,
    (letter) => {
      if (shown >= limit) return enough.abort();
      shown += 1;
      if (json) printJson(toSummary(letter));
      else rows.push(letterRow(letter));
    },
    { signal: AbortSignal.any([signal, enough.signal]), onProgress: looking(progress) },
  );
  progress.clear();
  if (json) return EXIT.done;
  print(rows.length > 0 ? table(LETTER_HEAD, rows) : 'No dead letters.');
  if (enough.signal.aborted) print(`\nThere are more: --limit ${limit * 10} shows more of them.`);
  return EXIT.done;
}

export async function show({ letters, args, progress, signal }: Session): Promise<number> {
  const found = new Set<string>();
  const visit = (letter: DeadLetter) => {
    progress.clear();
    if (args.json) printJson(toJson(letter));
    else print(`${found.size > 0 ? '\n' : ''}${describe(letter)}`);
    found.add(letter.id);
  };
  await letters.look(args.filter, visit, { signal, onProgress: looking(progress) });
  const missing = args.filter.ids!.filter((id) => !found.has(id));
  if (missing.length === 0 || signal.aborted) return EXIT.done;
  progress.tell(`No dead letter here has the id ${missing.join(', ')}`);
  return EXIT.failed;
}

export async function redrive(session: Session): Promise<number> {
  const { letters, args, progress, signal } = session;
  const { filter, ramp, force, rate, tolerate, settleMs, patienceMs, limit } = args;
  const agreed = await agree(session, 'Send', ({ count, tooOld, misplaced }) => {
    return count - misplaced - (force ? 0 : tooOld);
  });
  if (agreed !== 'yes') return agreed;
  const report = await letters.redrive(filter, {
    ...{ ramp, force, signal },
    ...defined({ perSecond: rate, tolerate, settleMs, patienceMs, limit }),
    onProgress: ({ queue, redriven, phase, batch, walked, of }) =>
      progress.show(() => {
        const inBatch = batch === undefined ? '' : `, batch of ${batch}`;
        const doing =
          phase === 'settling' ? 'waiting for what becomes of it' : `${walked} of ${of} looked at`;
        return `${queue}: ${redriven} sent${inBatch}; ${doing}`;
      }),
  });
  progress.clear();
  if (args.json) printJson(report);
  else print(told(report));
  if (report.queues.some(({ problem }) => problem !== undefined)) return EXIT.failed;
  const failed = report.queues.some(({ failedAgain }) => failedAgain > 0);
  return report.stopped || failed ? EXIT.attention : EXIT.done;
}

export async function discard(session: Session): Promise<number> {
  const { letters, args, progress, signal } = session;
  const agreed = await agree(session, 'Discard', ({ count }) => count);
  if (agreed !== 'yes') return agreed;
  const time = new Date().toISOString().replaceAll(':', '-');
  const log = args.log ?? join(LOCAL_DIRECTORY, 'discarded', `${time}.jsonl`);
  const report = await letters.discard(args.filter, {
    log,
    signal,
    ...defined({ limit: args.limit }),
    onProgress: ({ queue, discarded, walked, of }) =>
      progress.show(() => `${queue}: ${discarded} discarded (${walked} of ${of} looked at)`),
  });
  progress.clear();
  const discarded = report.queues.reduce((sum, queue) => sum + queue.discarded, 0);
  if (args.json) printJson({ ...report, log });
  else
    print(
      `${counted(discarded, 'dead letter')} discarded. All of ${discarded === 1 ? 'it' : 'them'} but secrets is in ${log}`,
    );
  return EXIT.done;
}

/**
 * Looks what would be done, shows it, and asks whether it is to be.
 *
 * @returns `yes`, or the code to end with
 */
async function agree(
  { letters, args, progress, signal }: Session,
  verb: string,
  countOf: (summary: DeadLetterSummary) => number,
): Promise<'yes' | number> {
  if (args.yes && !args.dryRun) return 'yes';
  const summary = await letters.summarize(args.filter, { signal, onProgress: looking(progress) });
  progress.clear();
  if (signal.aborted) return EXIT.interrupted;
  const count = Math.min(countOf(summary), args.limit ?? Infinity);
  if (args.dryRun) {
    if (args.json) printJson({ dryRun: true, count, summary });
    else print(`${summaryTable(summary)}\n\n${verb}: ${count}. Nothing was done (--dry-run).`);
    return EXIT.done;
  }
  if (!args.json) print(`${summaryTable(summary)}\n`);
  if (count === 0) {
    progress.tell('Nothing to do.');
    return EXIT.done;
  }
  const answer = await confirm(`${verb} ${counted(count, 'dead letter')}?`, signal);
  if (answer) return 'yes';
  progress.tell(
    answer === undefined ? 'There is nobody to ask: say --yes. Nothing was done.' : 'Nothing was done.',
  );
  return EXIT.notConfirmed;
}

function told({ redrive: id, queues, stopped }: RedriveReport): string {
  const lines = queues
    .filter(({ redriven, tooOld, misplaced, problem }) => redriven + tooOld + misplaced > 0 || problem)
    .map(({ queue, redriven, failedAgain, tooOld, misplaced, problem }) => {
      const left = [
        ...(failedAgain > 0 ? [`${failedAgain} of them failed again`] : []),
        ...(tooOld > 0 ? [`${tooOld} left, older than 30 days (--force)`] : []),
        ...(misplaced > 0 ? [`${misplaced} left, they failed in another queue`] : []),
        ...(problem ? [problem] : []),
      ];
      return `${queue}: ${[`${redriven} sent`, ...left].join('; ')}`;
    });
  const end = stopped
    ? `\nStopped: ${stopped.message}.\nWhat was not sent is where it was.`
    : lines.length === 0
      ? 'Nothing to do.'
      : `\nDone. The messages carry the redrive's id, ${id}, in the header x-warren-redrive.`;
  return [...lines, end].join('\n');
}

function looking(progress: Session['progress']) {
  return ({ queue, looked, of }: { queue: string; looked: number; of: number }) =>
    progress.show(() => `${queue}: ${looked} of ${of} looked at`);
}

/** Without the options that were not given. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
