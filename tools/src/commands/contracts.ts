import { buildOrExit } from './build.ts';

/** `npm run contracts -- check | release | list | docs`: holds the contracts against those that were released, and makes their
 * reference.
 */

await buildOrExit(); // contracts are classes with decorators, which Node does not run as they are
const { runContracts } = await import('../contracts/run.ts');
process.exitCode = await runContracts(process.argv.slice(2));
