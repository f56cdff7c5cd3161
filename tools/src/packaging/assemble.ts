import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../config.ts';

/**
 * Starts the folder of an app that is to run on its own: nothing but its compiled code, under `dist`. Its package.json,
 * lock file and the libraries of the workspace are put beside it by Nx.
 *
 *     node tools/src/packaging/assemble.ts apps/gateway dist/apps/gateway
 */
const [project, output] = process.argv.slice(2);
if (!project || !output)
  throw new Error('say which project to assemble and where: assemble.ts apps/gateway dist/apps/gateway');
const target = join(ROOT, output);
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await cp(join(ROOT, project, 'dist'), join(target, 'dist'), {
  recursive: true,
  filter: (path) => !path.endsWith('.tsbuildinfo'),
});
