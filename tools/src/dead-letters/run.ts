import { DeadLetters, UnsafeToLook, type MessagingLogger } from '@warren/messaging';
import { onStopSignals } from '../commands/stop-signals.ts';
import { findBroker } from '../operate/broker-address.ts';
import { EXIT, isUsageError } from '../operate/exit-codes.ts';
import { Progress } from '../operate/progress.ts';
import { COMMANDS, parseArguments, type Arguments } from './arguments.ts';
import { discard, list, redrive, show } from './commands.ts';
import { usage } from './usage.ts';

const ACTIONS = { list, show, redrive, discard };

/** `npm run dead-letters -- …`: parses, connects, does it. Returns the exit code. */
export async function runDeadLetters(argv: readonly string[]): Promise<number> {
  if (argv.length === 0 || argv.some((argument) => argument === '--help' || argument === '-h')) {
    const command = COMMANDS.find((known) => known === argv[0]);
    process.stdout.write(`${usage(command)}\n`);
    return argv.length === 0 ? EXIT.usage : EXIT.done;
  }
  const progress = new Progress();
  const stop = new AbortController();
  onStopSignals(
    () => {
      progress.tell('Stopping: what is on its way is finished. Once more to end at once.');
      stop.abort();
    },
    () => process.exit(EXIT.interrupted),
  );
  let letters: DeadLetters | undefined;
  let namedBy = '';
  try {
    const args = parseArguments(argv);
    const broker = await findBroker(args.broker);
    ({ namedBy } = broker);
    letters = await DeadLetters.open({
      ...broker,
      logger: warningsTo((line) => letters && progress.tell(line)),
    });
    await refuseUnknownQueues(letters, args);
    const code = await ACTIONS[args.command]({ letters, args, progress, signal: stop.signal });
    return stop.signal.aborted ? EXIT.interrupted : code;
  } catch (error) {
    if (isUsageError(error)) {
      progress.tell(`${error.message}\n\nnpm run dead-letters -- --help tells how it is called.`);
      return EXIT.usage;
    }
    const where =
      letters || error instanceof UnsafeToLook || !namedBy ? '' : ` (named by ${namedBy}: is it running?)`;
    progress.tell(`${(error as Error).message}${where}`);
    return stop.signal.aborted ? EXIT.interrupted : EXIT.failed;
  } finally {
    progress.clear();
    await letters?.close();
  }
}

/** A mistyped queue would otherwise look like one without dead letters. */
async function refuseUnknownQueues(letters: DeadLetters, { filter }: Arguments): Promise<void> {
  if (!filter.queues) return;
  for (const queue of filter.queues) {
    if ((await letters.queues({ queues: [queue] })).length > 0) continue;
    const known = (await letters.queues()).map((each) => `  ${each.queue}`);
    throw new Error(
      `No queue "${queue}" has a dead-letter queue here. ${known.length > 0 ? `These have:\n${known.join('\n')}` : 'None has: were the services ever started?'}`,
    );
  }
}

/** While it connects for the first time nothing is told: the error that ends it says the same. */
function warningsTo(tell: (line: string) => void): MessagingLogger {
  return { log: () => undefined, warn: tell, error: tell };
}
