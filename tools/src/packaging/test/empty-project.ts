import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../../config.ts';
import { startProcess, type ManagedProcess } from '../../processes/managed-process.ts';
import { run, type RunResult } from '../../processes/run.ts';

/** As in the first lines of a project with Nest, and with nothing overlooked in the declarations of others. */
const COMPILER_OPTIONS = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  skipLibCheck: false,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  rootDir: 'src',
  outDir: 'dist',
  types: ['node'],
};

/** A project of somebody else: a folder of its own, with nothing of the workspace around it. */
export class EmptyProject {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<EmptyProject> {
    const project = new EmptyProject(await mkdtemp(join(tmpdir(), 'warren-packages-')));
    await project.write('package.json', JSON.stringify({ name: 'parcels', private: true, type: 'module' }));
    await project.write(
      'tsconfig.json',
      JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['src'] }),
    );
    return project;
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.directory, path)), { recursive: true });
    await writeFile(join(this.directory, path), text);
  }

  read(path: string): Promise<string> {
    return readFile(join(this.directory, path), 'utf8');
  }

  /** @param names packages, in the versions that the workspace has, or paths of packed ones */
  async install(names: readonly string[]): Promise<void> {
    const specs = await Promise.all(
      names.map(async (name) => (name.endsWith('.tgz') ? name : `${name}@${await versionInWorkspace(name)}`)),
    );
    await this.npm('install', '--save-exact', '--prefer-offline', '--no-audit', '--no-fund', ...specs);
  }

  npm(...args: string[]): Promise<RunResult> {
    return run('npm', args, { cwd: this.directory });
  }

  /** @throws with the complaints of the compiler, those about declarations of packages included */
  async compile(): Promise<void> {
    await run(process.execPath, ['node_modules/typescript/bin/tsc'], { cwd: this.directory });
  }

  /** Runs a compiled program to its end. */
  run(program: string, env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
    return run(process.execPath, [join('dist', program)], { cwd: this.directory, env: ownEnvironment(env) });
  }

  /** Starts a compiled program that stays. */
  start(program: string, env: NodeJS.ProcessEnv, onLine: (line: string) => void): Promise<ManagedProcess> {
    return startProcess({
      command: process.execPath,
      args: [join('dist', program)],
      cwd: this.directory,
      env: ownEnvironment(env),
      output: { onLine },
      stop: [
        { signal: 'SIGTERM', patienceMs: 20_000 },
        { signal: 'SIGKILL', patienceMs: 5_000 },
      ],
    });
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Nothing of the options and conditions that tests of the workspace run with. */
function ownEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], ...env };
}

async function versionInWorkspace(name: string): Promise<string> {
  const manifest = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
