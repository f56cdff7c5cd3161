import { spawn } from 'node:child_process';

export interface RunResult {
  code: number;
  output: string;
  errors: string;
}

/**
 * Runs a program to its end and hands back what it printed.
 *
 * @throws when it cannot be started or, unless `allowFailure`, when it does not exit with 0; the error has the
 *   end of what it printed.
 */
export async function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; allowFailure?: boolean; uid?: number; gid?: number } = {},
): Promise<RunResult> {
  const { allowFailure, ...spawnOptions } = options;
  const child = spawn(command, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(exitCode ?? (signal ? 128 : 1)));
  });
  if (code !== 0 && !allowFailure) {
    const end = `${output}\n${errors}`.trim().split('\n').slice(-15).join('\n');
    throw new Error(`\`${command} ${args.join(' ')}\` ended with ${code}:\n${end}`);
  }
  return { code, output, errors };
}
