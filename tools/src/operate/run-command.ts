import { EXIT, isUsageError } from './exit-codes.ts';

/**
 * What commands for operators have in common: `--help`, and what they end with when they were called wrongly or failed.
 *
 * @param name as it stands after `npm run`
 * @returns the exit code
 */
export async function runCommand(
  name: string,
  usage: string,
  argv: readonly string[],
  run: () => Promise<number>,
): Promise<number> {
  if (argv.length === 0 || argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    return argv.length === 0 ? EXIT.usage : EXIT.done;
  }
  try {
    return await run();
  } catch (error) {
    const { message } = error as Error;
    console.error(
      isUsageError(error) ? `${message}\n\nnpm run ${name} -- --help tells how it is called.` : message,
    );
    return isUsageError(error) ? EXIT.usage : EXIT.failed;
  }
}
