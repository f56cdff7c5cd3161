import { buildOrExit } from './build.ts';

/** `npm run topology -- plan | apply`: holds the broker against what the services describe. */

await buildOrExit(); // what is compared is what stands in the sources
const { runTopology } = await import('../topology/run.ts');
process.exitCode = await runTopology(process.argv.slice(2));
