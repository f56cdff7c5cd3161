import { build } from './build.ts';

/** `npm run contracts -- check | release | list`: holds the contracts against those that were released. */

try {
  await build(); // contracts are classes with decorators, which Node does not run as they are
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
const { runContracts } = await import('../contracts/run.ts');
process.exitCode = await runContracts(process.argv.slice(2));
