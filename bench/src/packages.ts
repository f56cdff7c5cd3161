import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BENCH = fileURLToPath(new URL('..', import.meta.url));
const LOCK = join(BENCH, 'package-lock.json');
/** A copy of the lock file that the installed packages follow. */
const INSTALLED = join(BENCH, 'node_modules/.installed-lock.json');

/** Installs the peers, which are packages of the bench alone, when they are missing or others than the lock file's. */
export async function installPeers(report: (text: string) => void): Promise<void> {
  const lock = readFileSync(LOCK, 'utf8');
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === lock) return;
  report('Installing the peers (npm ci in bench/)');
  const npm = process.env['npm_execpath'];
  const [program, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  await runToEnd(program, [...first, 'ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  writeFileSync(INSTALLED, lock);
}

/** Compiles our own libraries, which are measured as they are built, and the programs that are measured. */
export async function compile(report: (text: string) => void): Promise<void> {
  report('Compiling');
  const compiler = join(BENCH, '../node_modules/typescript7/bin/tsc');
  await runToEnd(process.execPath, [compiler, '-b', BENCH]);
}

/** @throws with what the program said, unless it ends with 0 */
async function runToEnd(program: string, args: string[]): Promise<void> {
  const child = spawn(program, args, { cwd: BENCH, stdio: ['ignore', 'pipe', 'pipe'], env: environment() });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`\`${[program, ...args].join(' ')}\` failed:\n${output.trimEnd()}`);
}

/** Without what the npm that started us says of the workspace: the bench has settings of its own. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config|package)_/i.test(name)),
  );
}
