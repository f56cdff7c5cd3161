import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { ROOT } from '../config.ts';

/**
 * Starts the folder of an app that is to run on its own: its compiled code under `dist`, and under `assets` its own
 * assets with the files of packages that its package.json names in `bundledFiles`. Those it sends to browsers, so it
 * needs neither the rest of these packages nor what they depend on. Its package.json, lock file and the libraries of
 * the workspace are put beside it by Nx.
 *
 *     node tools/src/packaging/assemble.ts apps/gateway dist/apps/gateway
 */
const [project, output] = process.argv.slice(2);
if (!project || !output)
  throw new Error('say which project to assemble and where: assemble.ts apps/gateway dist/apps/gateway');
const source = join(ROOT, project);
const target = resolve(ROOT, output);
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await cp(join(source, 'dist'), join(target, 'dist'), {
  recursive: true,
  filter: (path) => !path.endsWith('.tsbuildinfo'),
});
if (existsSync(join(source, 'assets'))) {
  await cp(join(source, 'assets'), join(target, 'assets'), { recursive: true });
}
const { bundledFiles = {} } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as {
  bundledFiles?: Record<string, string[]>;
};
const { resolve: find } = createRequire(join(source, 'package.json'));
for (const [name, files] of Object.entries(bundledFiles)) {
  const directory = dirname(find(`${name}/package.json`));
  for (const file of files) await cp(join(directory, file), join(target, 'assets', name, file));
}
