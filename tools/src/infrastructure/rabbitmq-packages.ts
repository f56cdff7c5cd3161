import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../processes/report.ts';
import { run } from '../processes/run.ts';
import { Apt, type PackageFile } from './apt.ts';

/** A directory tree of packages that were unpacked and not installed. */
export interface UnpackedPackages {
  root: string;
  libraries: string[];
}

/** Counts up when the unpacked tree changes, so that older trees are not taken. */
const LAYOUT = 1;

/** Only on Debian, Ubuntu and what is made of them. */
export async function canUnpackPackages(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const found = await run('sh', ['-c', 'command -v apt-get && command -v apt-cache && command -v dpkg'], {
    allowFailure: true,
  });
  return found.code === 0;
}

/**
 * RabbitMQ and Erlang from the distribution's packages, downloaded and verified by apt and unpacked into
 * `cacheDirectory`, where the next call finds them. Nothing is installed, no service is started, and no rights
 * are needed.
 */
export async function unpackRabbitMq(cacheDirectory: string, report: Report): Promise<UnpackedPackages> {
  const root = join(cacheDirectory, `rabbitmq-${await nameOfSystem()}-${LAYOUT}`);
  if (!(await exists(root))) await unpack(cacheDirectory, root, report);
  const libraries: string[] = JSON.parse(await readFile(join(root, 'libraries.json'), 'utf8'));
  return { root, libraries };
}

async function unpack(cacheDirectory: string, root: string, report: Report): Promise<void> {
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
    const packages = await chooseFiles(apt, report);
    await download(apt, packages, archives, report);

    const files = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
    for (const [index, file] of files.entries()) {
      report(`Unpacking RabbitMQ: ${index + 1} of ${files.length} packages`);
      await run('dpkg', ['-x', join(archives, file), tree]);
    }
    await moveErlang(tree, root);
    const libraries = (await findLibraryDirectories(tree)).map((directory) => join(root, directory));
    await writeFile(join(tree, 'libraries.json'), JSON.stringify(libraries));
    await rename(tree, root).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await exists(root))) throw error; // else another run was faster, with the same result
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function chooseFiles(apt: Apt, report: Report): Promise<PackageFile[]> {
  report('Asking apt which packages RabbitMQ needs');
  if (!(await apt.knows('rabbitmq-server'))) await apt.update();
  if (!(await apt.knows('rabbitmq-server'))) {
    throw new Error(
      'The package sources of this system do not have rabbitmq-server. On Ubuntu, enable "universe" in /etc/apt.',
    );
  }
  const names = await apt.closure(['rabbitmq-server'], followDependency);
  const present = await apt.installed(names);
  // Erlang is taken whole, also where parts are installed: a tree works only if its parts are in one place.
  return apt.files(names.filter((name) => isErlang(name) || !present.has(name)));
}

/**
 * Of what RabbitMQ depends on, only what the server itself runs on: Erlang and the shared libraries of Erlang.
 * The rest (adduser, logrotate, socat, python3, …) serves the installed service.
 */
function followDependency(from: string, to: string): boolean {
  return isErlang(to) || (from !== 'rabbitmq-server' && isLibrary(to));
}

function isErlang(name: string): boolean {
  return name === 'rabbitmq-server' || name.startsWith('erlang-');
}

/** libc is part of every system; a second one beside it would break programs. */
function isLibrary(name: string): boolean {
  return (name.startsWith('lib') || name === 'zlib1g') && !/^(libc6|libc-bin|libcrypt1)$/.test(name);
}

async function download(apt: Apt, packages: PackageFile[], directory: string, report: Report): Promise<void> {
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
    report(`Downloading RabbitMQ and Erlang: ${megabytes(done)} of ${megabytes(total)} MB`);
  };
  await show();
  const timer = setInterval(() => void show().catch(() => undefined), 500);
  try {
    await apt.download(packages, directory);
  } finally {
    clearInterval(timer);
  }
}

/** The start scripts of Erlang have the place where it is usually installed written into them. */
async function moveErlang(tree: string, root: string): Promise<void> {
  const erlang = join(tree, 'usr/lib/erlang');
  const runtimes = (await readdir(erlang)).filter((name) => name.startsWith('erts-'));
  for (const script of ['bin/erl', ...runtimes.map((name) => `${name}/bin/erl`)]) {
    const file = join(erlang, script);
    if (!(await exists(file))) continue;
    const text = await readFile(file, 'utf8');
    await writeFile(
      file,
      text.replaceAll('ROOTDIR=/usr/lib/erlang', `ROOTDIR="${join(root, 'usr/lib/erlang')}"`),
    );
  }
}

/** Directories of unpacked shared libraries, relative to the tree; none where the system has them all. */
async function findLibraryDirectories(tree: string): Promise<string[]> {
  const found: string[] = [];
  for (const base of ['usr/lib', 'lib']) {
    const directories = [base];
    for (const name of await readdir(join(tree, base)).catch(() => [])) {
      if (name.endsWith('-linux-gnu') || name.includes('-linux-gnu')) directories.push(join(base, name));
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

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
