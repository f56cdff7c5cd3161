import { join, relative } from 'node:path';
import { ROOT } from '../config.ts';
import { packLibraries } from '../packaging/pack-libraries.ts';

/** `npm run pack`: the libraries that are made for others, as packages for a registry. */

try {
  for (const path of await packLibraries(join(ROOT, 'dist/packages'))) console.log(relative(ROOT, path));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
