import {
  constants,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, relative } from 'node:path';
import { ROOT } from '../../config.ts';
import { run, type RunResult } from '../../processes/run.ts';

const INSTALLED = 'node_modules';
/** What is no source, by name; what was built goes along, so that only changes are built there. */
const LEFT_BEHIND = new Set(['.git', '.nx', '.warren', 'coverage', 'tmp', '__pycache__']);
const NO_SOURCES = new Set([...LEFT_BEHIND, INSTALLED, 'dist']);

/** The repository as it stands, with its packages installed, in a place where it may be changed. */
export class ScratchRepository {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static make(): ScratchRepository {
    const root = mkdtempSync(join(tmpdir(), 'warren-generators-'));
    const installed: string[] = [];
    cpSync(ROOT, root, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
      filter(path) {
        const name = basename(path);
        if (name === INSTALLED) installed.push(relative(ROOT, path));
        return name !== INSTALLED && !LEFT_BEHIND.has(name) && path !== join(ROOT, 'dist');
      },
    });
    for (const path of installed) link(join(ROOT, path), join(root, path));
    return new ScratchRepository(root);
  }

  /** Runs a program of the installed packages, or `node`, as npm would. */
  run(program: string, args: string[], options: { env?: NodeJS.ProcessEnv; allowFailure?: boolean } = {}) {
    const bin = join(this.root, INSTALLED, '.bin');
    const { PATH, HOME } = process.env;
    return run(join(bin, program), args, {
      cwd: this.root,
      env: {
        PATH: `${bin}${delimiter}${PATH}`,
        HOME,
        NX_INTERACTIVE: 'false',
        npm_config_offline: 'true', // all that a new service needs is there
        ...options.env,
      },
      ...(options.allowFailure && { allowFailure: true }),
    });
  }

  /** `nx g @warren/tools:<generator> …` */
  generate(generator: string, ...args: string[]): Promise<RunResult> {
    return this.run('nx', ['g', `@warren/tools:${generator}`, ...args], { allowFailure: true });
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** Texts of all sources by their paths. */
  sources(): Map<string, string> {
    const entries = readdirSync(this.root, { recursive: false, withFileTypes: true });
    const texts = new Map<string, string>();
    const look = (directory: string, list: typeof entries) => {
      for (const entry of list) {
        const path = join(directory, entry.name);
        if (entry.isFile()) texts.set(relative(this.root, path), readFileSync(path, 'latin1'));
        else if (entry.isDirectory() && !NO_SOURCES.has(entry.name))
          look(path, readdirSync(path, { withFileTypes: true }));
      }
    };
    look(this.root, entries);
    return texts;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/**
 * A directory of the same files: that takes a second where copies take a minute. What npm notes down about an
 * installation, and would write over, is copied.
 */
function link(from: string, to: string, depth = 0): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (entry.isDirectory()) link(source, target, depth + 1);
    else if (depth === 0) cpSync(source, target, { preserveTimestamps: true });
    else linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    // Another file system, or one that has no links.
    if (!['EXDEV', 'EPERM', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
  }
}
