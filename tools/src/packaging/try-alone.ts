import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../config.ts';

/**
 * Shows that the folder of an app runs on its own: installs its dependencies in a copy outside of the workspace and has
 * the app explain itself, for which it has to load all of its code.
 *
 *     node tools/src/packaging/try-alone.ts dist/apps/gateway
 */
const [output] = process.argv.slice(2);
if (!output) throw new Error('say which folder to try: try-alone.ts dist/apps/gateway');
const run = promisify(execFile);
const copy = await mkdtemp(join(tmpdir(), 'warren-alone-'));
try {
  await cp(join(ROOT, output), copy, { recursive: true });
  const start = performance.now();
  await run('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: copy });
  const installed = performance.now();
  const { stdout } = await run(process.execPath, ['dist/main.js', '--help'], { cwd: copy });
  const seconds = ((installed - start) / 1000).toFixed(1);
  console.log(`${output} runs on its own (installed in ${seconds} s): ${stdout.split('\n', 1)[0]}`);
} finally {
  await rm(copy, { recursive: true, force: true });
}
