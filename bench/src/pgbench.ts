import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cacheDirectory } from '@warren/tools/config.ts';
import type { Apt, PackageFile } from '@warren/tools/infrastructure/apt.ts';
import { isSharedLibrary, unpackPackages } from '@warren/tools/infrastructure/unpack-packages.ts';
import { run } from '@warren/tools/processes/run.ts';

type Report = (text: string) => void;

/** pgbench on disk, with the libraries that it needs beside those of the system. */
export interface Pgbench {
  program: string;
  libraries: string[];
}

/** Where distributions and Homebrew put it, beside the PATH. */
const USUAL_PLACES = ['/opt/homebrew/opt/libpq/bin', '/usr/local/opt/libpq/bin'];
const DEBIAN_PLACE = 'usr/lib/postgresql';
/** Counts up when the unpacked tree changes, so that older trees are not taken. */
const LAYOUT = 2;

/**
 * The pgbench of the machine, else that of the distribution's packages, downloaded and verified by apt and unpacked
 * into the cache of this user: no rights are needed, and nothing is installed.
 *
 * @throws with what to install, where neither is possible
 */
export async function findPgbench(report: Report): Promise<Pgbench> {
  const installed = await findIn([...(process.env['PATH'] ?? '').split(delimiter), ...USUAL_PLACES]);
  const program = installed ?? (await findIn(await versionsBelow('/')));
  if (program) return { program, libraries: [] };
  try {
    return await unpack(report);
  } catch (error) {
    throw new Error(
      'pgbench is not on this machine: install the package postgresql (Debian, Ubuntu) or libpq (Homebrew). ' +
        `Unpacking it from the system's packages failed: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

async function findIn(directories: string[]): Promise<string | undefined> {
  for (const directory of directories) {
    const program = join(directory, 'pgbench');
    // A wrapper of Debian's, which is on the PATH without the program that it looks for.
    const works = await run(program, ['--version'], { allowFailure: true }).catch(() => undefined);
    if (works?.code === 0) return program;
  }
  return undefined;
}

/** The bin directories of Debian's layout below `root`, the newest first. */
async function versionsBelow(root: string): Promise<string[]> {
  const place = join(root, DEBIAN_PLACE);
  const versions = await readdir(place).catch(() => []);
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(place, version, 'bin'));
}

/** @throws when apt is not there or does not know the packages */
async function unpack(report: Report): Promise<Pgbench> {
  const { root, libraries } = await unpackPackages({
    name: 'pgbench',
    title: 'pgbench',
    layout: LAYOUT,
    cacheDirectory: cacheDirectory(),
    report,
    choose: choosePackages,
  });
  const [directory] = await versionsBelow(root);
  const program = join(directory!, 'pgbench');
  await run(program, ['--version'], { env: environmentOf({ program, libraries }) });
  return { program, libraries };
}

async function choosePackages(apt: Apt): Promise<PackageFile[]> {
  if (!(await apt.knows('postgresql'))) await apt.update();
  // `postgresql` stands for the version of this system, which has pgbench.
  const names = await apt.closure(
    ['postgresql'],
    (_, to) => /^postgresql-\d+$/.test(to) || isSharedLibrary(to),
  );
  const server = names.find((name) => /^postgresql-\d+$/.test(name));
  if (!server) throw new Error('the package sources of this system have no PostgreSQL');
  const present = await apt.installed(names);
  return apt.files(names.filter((name) => name === server || (isSharedLibrary(name) && !present.has(name))));
}

function environmentOf({ libraries }: Pgbench): NodeJS.ProcessEnv {
  const paths = [...libraries, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(delimiter);
  return { ...process.env, LC_ALL: 'C', ...(paths && { LD_LIBRARY_PATH: paths }) };
}

export interface PgbenchRun {
  databaseUrl: string;
  schema: string;
  /** A pgbench script; each time through is one transaction of the rate. */
  script: string;
  connections: number;
  seconds: number;
}

/** @returns transactions per second, connecting left out */
export async function runPgbench(pgbench: Pgbench, options: PgbenchRun): Promise<number> {
  const work = await mkdtemp(join(tmpdir(), 'warren-pgbench-'));
  try {
    const script = join(work, 'script.sql');
    await writeFile(script, options.script);
    const url = new URL(options.databaseUrl);
    const { output } = await run(
      pgbench.program,
      [
        '--no-vacuum',
        `--file=${script}`,
        `--client=${options.connections}`,
        `--jobs=${Math.min(2, options.connections)}`,
        `--time=${options.seconds}`,
        url.pathname.slice(1),
      ],
      {
        env: {
          ...environmentOf(pgbench),
          PGHOST: url.hostname,
          PGPORT: url.port,
          PGUSER: decodeURIComponent(url.username),
          PGPASSWORD: decodeURIComponent(url.password),
          PGOPTIONS: `-c search_path=${options.schema}`,
        },
      },
    );
    const failed = Number(/^number of failed transactions: (\d+)/m.exec(output)?.[1] ?? 0);
    const rate = /^tps = ([\d.]+) \(without initial connection time\)/m.exec(output)?.[1];
    if (failed > 0 || !rate) throw new Error(`pgbench did not do what it was asked for:\n${output}`);
    return Number(rate);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
