import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../config.ts';
import { buildOrExit } from './build.ts';

/**
 * `npm test`: builds what the end-to-end tests start, then runs Jest with the arguments handed on. Jest's global
 * set-up starts the servers.
 */

console.error('Building');
await buildOrExit();
const jest = join(ROOT, 'node_modules/jest/bin/jest.js');
const child = spawn(
  process.execPath,
  ['--experimental-vm-modules', '--no-warnings', jest, ...process.argv.slice(2)],
  {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...process.env,
      // Inherited by Jest's workers, which the flag on the command line does not reach.
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --experimental-vm-modules --no-warnings`.trim(),
    },
  },
);
// Jest gets the terminal's Ctrl-C itself; this process only waits for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (signal !== 'SIGINT') child.kill(signal);
  });
}
child.once('error', (error) => {
  console.error(`Jest does not start: ${error.message}`);
  process.exit(1);
});
child.once('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
