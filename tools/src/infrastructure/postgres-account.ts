import { createHash } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Who runs PostgreSQL, from which program files, on which data directory. */
export interface PostgresPlace {
  /** Undefined: we run it ourselves. */
  account: { uid: number; gid: number } | undefined;
  /** Has initdb and postgres. */
  binaries: string;
  data: string;
}

/**
 * PostgreSQL refuses to run as root. Then it runs under the account `nobody`, which every system has (initdb
 * wants an account with an entry in the passwd file) and which owns nothing: the account `postgres`, where it
 * exists, owns the data of an installed server, and making an account of our own would change the machine.
 *
 * That account must be able to reach program and data. Where it cannot, as in a clone below /root or below a
 * directory of mktemp, they are put under /var/tmp: the data into a directory named after the place where it
 * would otherwise be, the program into one for all clones, named after its version.
 */
export async function choosePlace(directory: string, binaries: string): Promise<PostgresPlace> {
  const data = join(directory, 'data');
  if (process.getuid?.() !== 0) return { account: undefined, binaries, data };
  const account = await findNobody();
  await mkdir(directory, { recursive: true });
  const isProgramReachable =
    (await canReach(account, binaries)) && (await canReach(account, join(binaries, '../share')));
  const program = isProgramReachable ? binaries : await copyProgram(binaries);
  if (await canReach(account, directory)) return { account, binaries: program, data };
  const outside = await outsideDirectory(directory);
  await makeOwnDirectory(outside);
  return { account, binaries: program, data: join(outside, 'data') };
}

/** Removes what may have been put outside of a server's directory. */
export async function removeOutside(directory: string): Promise<void> {
  if (process.getuid?.() !== 0 || !(await stat(directory).catch(() => undefined))) return;
  await rm(await outsideDirectory(directory), { recursive: true, force: true });
}

async function outsideDirectory(directory: string): Promise<string> {
  const name = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 16);
  return `/var/tmp/warren-${name}`;
}

/** /var/tmp is open to all: what is there by our name must be ours. */
async function makeOwnDirectory(path: string): Promise<void> {
  await mkdir(path, { mode: 0o711 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const entry = await lstat(path);
  if (!entry.isDirectory() || entry.uid !== 0) {
    throw new Error(
      `${path} belongs to somebody else. Remove it, or clone Warren to where other users can read.`,
    );
  }
  await chmod(path, 0o711);
}

async function copyProgram(binaries: string): Promise<string> {
  const manifest = await readFile(join(binaries, '../../package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const outside = `/var/tmp/warren-postgresql-${version}`;
  await makeOwnDirectory(outside);
  const to = join(outside, 'native');
  if (!(await stat(to).catch(() => undefined))) {
    const work = `${to}.${process.pid}`;
    await cp(dirname(binaries), work, { recursive: true, verbatimSymlinks: true });
    await chmod(work, 0o755);
    await rename(work, to).catch(async (error: NodeJS.ErrnoException) => {
      await rm(work, { recursive: true, force: true });
      if (error.code !== 'ENOTEMPTY') throw error; // else another start was faster, with the same result
    });
  }
  return join(to, 'bin');
}

async function findNobody(): Promise<{ uid: number; gid: number }> {
  const passwd = await readFile('/etc/passwd', 'utf8');
  const match = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd);
  if (!match) {
    throw new Error(
      'PostgreSQL does not run as root, and this machine has no account "nobody" to run it under. ' +
        'Run Warren as another user, or set WARREN_DATABASE_URL to a server that you have.',
    );
  }
  return { uid: Number(match[1]), gid: Number(match[2]) };
}

/** Whether the account may read and pass the path and everything above it, by the permission bits. */
async function canReach(account: { uid: number; gid: number }, path: string): Promise<boolean> {
  for (let current = await realpath(path); ; current = dirname(current)) {
    const { mode, uid, gid } = await stat(current);
    const bits = uid === account.uid ? mode >> 6 : gid === account.gid ? mode >> 3 : mode;
    if ((bits & 0o1) === 0) return false;
    if (current === dirname(current)) return true;
  }
}
