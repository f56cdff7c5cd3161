import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../config.ts';

/**
 * Compiles what has changed since the last build.
 *
 * @param project default: all that is built
 * @throws with what the compiler said, when it does not compile.
 */
export async function build(project = 'tsconfig.build.json'): Promise<void> {
  const compiler = join(ROOT, 'node_modules/typescript7/bin/tsc');
  const child = spawn(process.execPath, [compiler, '-b', join(ROOT, project)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`The build failed:\n${output.trimEnd()}`);
}

/** For commands that can't go on without: says what the compiler said, and ends the process with 1. */
export async function buildOrExit(): Promise<void> {
  try {
    await build();
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
