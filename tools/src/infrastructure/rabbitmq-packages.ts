import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../processes/report.ts';
import type { Apt, PackageFile } from './apt.ts';
import { exists, isSharedLibrary, unpackPackages, type UnpackedPackages } from './unpack-packages.ts';

/** Counts up when the unpacked tree changes, so that older trees are not taken. */
const LAYOUT = 1;

/**
 * RabbitMQ and Erlang from the distribution's packages, downloaded and verified by apt and unpacked into
 * `cacheDirectory`, where the next call finds them. Nothing is installed, no service is started, and no rights
 * are needed.
 */
export function unpackRabbitMq(cacheDirectory: string, report: Report): Promise<UnpackedPackages> {
  return unpackPackages({
    name: 'rabbitmq',
    title: 'RabbitMQ and Erlang',
    layout: LAYOUT,
    cacheDirectory,
    report,
    choose: (apt) => chooseFiles(apt, report),
    finish: moveErlang,
  });
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
  return isErlang(to) || (from !== 'rabbitmq-server' && isSharedLibrary(to));
}

function isErlang(name: string): boolean {
  return name === 'rabbitmq-server' || name.startsWith('erlang-');
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
