import { build } from './build.ts';

/** `npm run topology -- plan | apply`: holds the broker against what the services describe. */

try {
  await build(); // what is compared is what stands in the sources
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
const { runTopology } = await import('../topology/run.ts');
process.exitCode = await runTopology(process.argv.slice(2));
