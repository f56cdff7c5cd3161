import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../config.ts';
import { build } from './build.ts';

/** `npm run dead-letters -- <command>`: for whoever looks after the dead letters of a running system. */

try {
  await build('libs/messaging');
} catch (error) {
  // Trouble has to be looked after also while somebody has half a change in the sources.
  if (!existsSync(join(ROOT, 'libs/messaging/dist/index.js'))) throw error;
  console.error(`${(error as Error).message}\n\nGoing on with what was built before.`);
}
const { runDeadLetters } = await import('../dead-letters/run.ts');
process.exitCode = await runDeadLetters(process.argv.slice(2));
