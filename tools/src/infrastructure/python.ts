import { access, constants, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Report } from '../processes/report.ts';
import { run } from '../processes/run.ts';
import type { Apt, PackageFile } from './apt.ts';
import {
  canUnpackPackages,
  isSharedLibrary,
  unpackPackages,
  type UnpackedPackages,
} from './unpack-packages.ts';

/** A Python that has the libraries of the examples. */
export interface Python {
  program: string;
  /** What to add to the environment of its processes. */
  environment: Record<string, string>;
}

export interface FindPythonOptions {
  /** Where unpacked packages are kept. */
  cacheDirectory: string;
  /** Interpreters to try before packages are unpacked. Default: Debian's own, then those in PATH. */
  candidates?: string[];
  /** The interpreter that the distribution's packages are made for. Default: /usr/bin/python3. */
  systemPython?: string;
  /** Default: dropped. */
  report?: Report;
}

/** Counts up when the unpacked tree changes, so that older trees are not taken. */
const LAYOUT = 1;

/** One in front of it in PATH may be of another version than Debian's packages are made for. */
const SYSTEM_PYTHON = '/usr/bin/python3';

const PACKAGES = ['python3-pika', 'python3-jsonschema'];

/** The libraries, and of Python's own what a minimal installation lacks. */
const IMPORTS =
  'import sys; assert sys.version_info >= (3, 9); import pika, jsonschema, sqlite3, ssl, urllib.request';

/**
 * An installed Python 3.9 or newer with pika and jsonschema, where there is one; else the distribution's packages of
 * them, unpacked into the cache of this user, and with them Python itself where the system has none that fits.
 *
 * @throws with what to install, where neither is possible.
 */
export async function findPython(options: FindPythonOptions): Promise<Python> {
  const { cacheDirectory, report = () => undefined } = options;
  const { candidates = installedPythons(), systemPython = SYSTEM_PYTHON } = options;
  for (const program of candidates) {
    const installed = { program, environment: {} };
    if (await works(installed)) return installed;
  }
  if (!(await canUnpackPackages())) throw new Error(`No Python with pika and jsonschema was found.\n${MEND}`);
  const libraries = await unpack('python-libraries', PACKAGES, isLibraryOfPython, { cacheDirectory, report });
  const modules = join(libraries.root, 'usr/lib/python3/dist-packages');
  const ofSystem = { program: systemPython, environment: { PYTHONPATH: modules } };
  if (await works(ofSystem)) return ofSystem;

  const python = await unpackedPython(cacheDirectory, modules, report);
  if (python && (await works(python))) return python;
  throw new Error(`The Python of this system's packages does not run with pika and jsonschema.\n${MEND}`);
}

const MEND = `The examples are run in Python 3.9 or newer with the libraries pika and jsonschema. Do one of these:
  - on Debian and Ubuntu: apt-get install python3-pika python3-jsonschema
  - elsewhere: install Python, and \`python3 -m pip install pika jsonschema\` for the python3 that is first in PATH.`;

function installedPythons(): string[] {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return [...new Set([SYSTEM_PYTHON, ...directories.map((directory) => join(directory, 'python3'))])];
}

async function works({ program, environment }: Python): Promise<boolean> {
  const isThere = await access(program, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isThere) return false;
  const env = { ...process.env, ...environment };
  return (await run(program, ['-c', IMPORTS], { env, allowFailure: true })).code === 0;
}

/** Python itself; needed only where the system has none, or a minimal one. */
async function unpackedPython(
  cacheDirectory: string,
  modules: string,
  report: Report,
): Promise<Python | undefined> {
  const { root, libraries } = await unpack('python', ['python3'], isPython, { cacheDirectory, report }, true);
  const name = (await readdir(join(root, 'usr/bin'))).find((file) => /^python3\.\d+$/.test(file));
  if (!name) return undefined;
  return {
    program: join(root, 'usr/bin', name),
    environment: {
      PYTHONHOME: join(root, 'usr'),
      PYTHONPATH: modules,
      LD_LIBRARY_PATH: libraries.join(delimiter),
    },
  };
}

function unpack(
  name: string,
  wanted: string[],
  follow: (from: string, to: string) => boolean,
  { cacheDirectory, report }: { cacheDirectory: string; report: Report },
  isWhole = false,
): Promise<UnpackedPackages> {
  const choose = async (apt: Apt): Promise<PackageFile[]> => {
    const known = async () => (await Promise.all(wanted.map((one) => apt.knows(one)))).every(Boolean);
    if (!(await known())) await apt.update();
    if (!(await known())) {
      throw new Error(`The package sources of this system do not have ${wanted.join(' and ')}.\n${MEND}`);
    }
    const names = await apt.closure(wanted, follow);
    const present = isWhole ? new Set<string>() : await apt.installed(names);
    return apt.files(names.filter((one) => !present.has(one)));
  };
  return unpackPackages({
    name,
    title: wanted.join(' and '),
    layout: LAYOUT,
    cacheDirectory,
    report,
    choose,
  });
}

/** Libraries in Python: not Python, and nothing in C but what a library brings along. */
function isLibraryOfPython(_from: string, to: string): boolean {
  return to.startsWith('python3-') && !/^python3-(minimal|distutils|lib2to3)$/.test(to);
}

/** The interpreter, its standard library, and the shared libraries of both. */
function isPython(_from: string, to: string): boolean {
  return /^(lib)?python3/.test(to) || isSharedLibrary(to);
}
