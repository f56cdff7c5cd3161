import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../processes/report.ts';
import { run } from '../processes/run.ts';
import { Apt, type PackageFile } from './apt.ts';

/** A directory tree of packages that were unpacked and not installed. */
export interface UnpackedPackages {
  root: string;
  /** Directories for LD_LIBRARY_PATH; usually none. */
  libraries: string[];
}

export interface UnpackOptions {
  /** Of the tree in the cache, followed there by the system's name and the layout. */
  name: string;
  /** What is unpacked, for reports. */
  title: string;
  /** Counts up when the unpacked tree changes, so that older trees are not taken. */
  layout: number;
  cacheDirectory: string;
  report: Report;
  /** The packages to download. */
  choose(apt: Apt): Promise<PackageFile[]>;
  /** Mends what depends on its place: `tree` will be at `root`. Default: nothing. */
  finish?(tree: string, root: string): Promise<void>;
}

/** Only on Debian, Ubuntu and what is made of them. */
export async function canUnpackPackages(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const found = await run('sh', ['-c', 'command -v apt-get && command -v apt-cache && command -v dpkg'], {
    allowFailure: true,
  });
  return found.code === 0;
}

/**
 * Packages of the distribution, downloaded and verified by apt and unpacked into the cache, where the next call
 * finds them. Nothing is installed, no service is started, and no rights are needed.
 */
export async function unpackPackages(options: UnpackOptions): Promise<UnpackedPackages> {
  const { name, layout, cacheDirectory } = options;
  const root = join(cacheDirectory, `${name}-${await nameOfSystem()}-${layout}`);
  if (!(await exists(root))) await unpack(options, root);
  const libraries: string[] = JSON.parse(await readFile(join(root, 'libraries.json'), 'utf8'));
  return { root, libraries };
}

async function unpack(options: UnpackOptions, root: string): Promise<void> {
  const { title, cacheDirectory, report } = options;
  await mkdir(cacheDirectory, { recursive: true });
  // A directory of its own, moved into place when it is whole: an interrupted run leaves nothing that looks
  // finished, and two runs at once do not meet.
  const work = await mkdtemp(join(cacheDirectory, 'unpacking-'));
  try {
    const archives = join(work, 'archives');
    const tree = join(work, 'root');
    await mkdir(archives);
    await mkdir(tree);
    const apt = await Apt.open(join(work, 'apt'), report);
    await download(apt, await options.choose(apt), archives, options);

    const files = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
    for (const [index, file] of files.entries()) {
      report(`Unpacking ${title}: ${index + 1} of ${files.length} packages`);
      await run('dpkg', ['-x', join(archives, file), tree]);
    }
    await options.finish?.(tree, root);
    const libraries = (await findLibraryDirectories(tree)).map((directory) => join(root, directory));
    await writeFile(join(tree, 'libraries.json'), JSON.stringify(libraries));
    await rename(tree, root).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await exists(root))) throw error; // else another run was faster, with the same result
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(
  apt: Apt,
  packages: PackageFile[],
  directory: string,
  { title, report }: UnpackOptions,
): Promise<void> {
  const megabytes = (bytes: number) => (bytes / 1_000_000).toFixed(0);
  const total = packages.reduce((sum, file) => sum + file.bytes, 0);
  const show = async () => {
    let done = 0;
    for (const name of await readdir(directory)) {
      done += await stat(join(directory, name)).then(
        (entry) => entry.size,
        () => 0,
      );
    }
    report(`Downloading ${title}: ${megabytes(done)} of ${megabytes(total)} MB`);
  };
  await show();
  const timer = setInterval(() => void show().catch(() => undefined), 500);
  try {
    await apt.download(packages, directory);
  } finally {
    clearInterval(timer);
  }
}

/** Packages of shared libraries, but for libc: it is part of every system, and a second one would break programs. */
export function isSharedLibrary(name: string): boolean {
  return (name.startsWith('lib') || name === 'zlib1g') && !/^(libc6|libc-bin|libcrypt1)$/.test(name);
}

/** Directories of unpacked shared libraries, relative to the tree; none where the system has them all. */
async function findLibraryDirectories(tree: string): Promise<string[]> {
  const found: string[] = [];
  for (const base of ['usr/lib', 'lib']) {
    const directories = [base];
    for (const name of await readdir(join(tree, base)).catch(() => [])) {
      if (name.includes('-linux-gnu')) directories.push(join(base, name));
    }
    for (const directory of directories) {
      const names = await readdir(join(tree, directory)).catch(() => []);
      if (names.some((name) => /\.so(\.|$)/.test(name))) found.push(directory);
    }
  }
  return found;
}

async function nameOfSystem(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(release)?.[1] ?? 'unknown';
  const { output } = await run('dpkg', ['--print-architecture']);
  return [value('ID'), value('VERSION_ID'), output.trim()].join('-').replaceAll(/[^\w.-]/g, '_');
}

export function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
