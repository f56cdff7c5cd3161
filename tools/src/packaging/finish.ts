import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../config.ts';

/**
 * Finishes the folder of an app that is to run on its own: takes out what only development needs, so that
 * `npm ci --omit=dev && node dist/main.js` works there with nothing of the workspace around it.
 *
 *     node tools/src/packaging/finish.ts dist/apps/gateway
 */
const [output] = process.argv.slice(2);
if (!output) throw new Error('say which folder to finish: finish.ts dist/apps/gateway');
const target = join(ROOT, output);

interface Manifest {
  devDependencies?: Record<string, string>;
  nx?: object;
  exports?: Record<string, Record<string, string>>;
  allowScripts?: object;
}

async function edit<T>(file: string, change: (content: T) => void): Promise<void> {
  const content = JSON.parse(await readFile(file, 'utf8')) as T;
  change(content);
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`);
}

const modules = globSync('workspace_modules/@warren/*', { cwd: target });
for (const directory of ['.', ...modules]) {
  await edit<Manifest>(join(target, directory, 'package.json'), (manifest) => {
    delete manifest.devDependencies;
    delete manifest.nx;
  });
}
for (const directory of modules) {
  const leftovers = globSync(['src', 'tsconfig*.json', 'coverage', 'dist/**/*.tsbuildinfo'], {
    cwd: join(target, directory),
  });
  for (const leftover of leftovers) await rm(join(target, directory, leftover), { recursive: true });
}

await edit<{ packages: Record<string, Manifest> }>(join(target, 'package-lock.json'), ({ packages }) => {
  delete packages['']?.devDependencies;
});
// Everything that stays is described in the lock file already: this only takes out what nothing leads to any more.
await promisify(execFile)(
  'npm',
  ['prune', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund', '--offline'],
  {
    cwd: target,
  },
);

// Nx also copies what only tests use.
const { packages } = JSON.parse(await readFile(join(target, 'package-lock.json'), 'utf8')) as {
  packages: object;
};
for (const directory of modules) {
  if (!(directory in packages)) await rm(join(target, directory), { recursive: true });
}
