import { globSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from '../commands/build.ts';
import { ROOT } from '../config.ts';
import { run } from '../processes/run.ts';

/** The condition under which the workspace finds the sources of its libraries. */
const WORKSPACE_CONDITION = '@warren/source';

type Conditions = Record<string, string>;

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  exports: Record<string, string | Conditions>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  devDependencies?: object;
  nx?: object;
}

/** A library that is made for others, below `libs/`. */
export interface PublicLibrary {
  /** `libs/<library>` */
  directory: string;
  manifest: Manifest;
}

/** The libraries that are not marked as private, in the order of their names. */
export async function publicLibraries(): Promise<PublicLibrary[]> {
  const libraries = await Promise.all(
    globSync('libs/*/package.json', { cwd: ROOT })
      .toSorted()
      .map(async (path) => ({
        directory: dirname(path),
        manifest: JSON.parse(await readFile(join(ROOT, path), 'utf8')) as Manifest,
      })),
  );
  return libraries.filter(({ manifest }) => !manifest.private);
}

/**
 * What is wrong between libraries that are packed together: each must name the others by the version that they have, and
 * nothing that is not packed.
 */
export function disagreements(libraries: readonly PublicLibrary[]): string[] {
  const versions = new Map(libraries.map(({ manifest }) => [manifest.name, manifest.version]));
  return libraries.flatMap(({ directory, manifest }) =>
    Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies })
      .filter(([name]) => name.startsWith('@warren/'))
      .flatMap(([name, range]) => {
        const version = versions.get(name);
        if (version === undefined)
          return [`${directory} needs ${name}, which is private: cut it, or publish it too`];
        return range === `^${version}`
          ? []
          : [
              `${directory} needs ${name} ${range}, and that is ${version}: write "^${version}" in its package.json`,
            ];
      }),
  );
}

/** The manifest as others get it: without what only the workspace needs, and what leads to its sources. */
function published({ nx: _nx, devDependencies: _devDependencies, ...manifest }: Manifest): Manifest {
  const exported = Object.entries(manifest.exports).flatMap(
    ([path, target]): [string, string | Conditions][] => {
      if (typeof target === 'string') return [[path, target]];
      const { [WORKSPACE_CONDITION]: _source, ...conditions } = target;
      return Object.keys(conditions).length > 0 ? [[path, conditions]] : [];
    },
  );
  return { ...manifest, exports: Object.fromEntries(exported) };
}

/** Sources that only the workspace can import, as paths below `src`. */
function workspaceOnly({ exports }: Manifest): string[] {
  return Object.values(exports).flatMap((target) => {
    if (typeof target === 'string' || Object.keys(target).length > 1) return [];
    return target[WORKSPACE_CONDITION]?.replace('./src/', '') ?? [];
  });
}

/** Links that lead out of the package become text that says where it is found. */
function withoutLinksOut(readme: string): string {
  return readme.replaceAll(/\[([^\]]+)\]\(\.\.\/[^)]*\)/g, "$1 (in Warren's repository)");
}

/** Puts together what a package consists of: each source that is no test, and what was compiled from it. */
async function assemble({ directory, manifest }: PublicLibrary, target: string): Promise<void> {
  const library = join(ROOT, directory);
  const sources = globSync('**/*.ts', {
    cwd: join(library, 'src'),
    exclude: ['**/*.test.ts', 'test/**', ...workspaceOnly(manifest)],
  });
  for (const source of sources) {
    await cp(join(library, 'src', source), join(target, 'src', source));
    if (source.endsWith('.d.ts')) continue;
    for (const ending of ['.js', '.js.map', '.d.ts', '.d.ts.map']) {
      const compiled = join('dist', source.replace(/\.ts$/, ending));
      await cp(join(library, compiled), join(target, compiled));
    }
  }
  await writeFile(join(target, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`);
  await writeFile(
    join(target, 'README.md'),
    withoutLinksOut(await readFile(join(library, 'README.md'), 'utf8')),
  );
  await cp(join(ROOT, 'LICENSE'), join(target, 'LICENSE'));
}

/**
 * Compiles and packs the libraries that are not private, each as `warren-<library>-<version>.tgz`.
 *
 * @param output the folder for the packages; what packages it had are removed
 * @returns the paths of the packages
 * @throws Error with what does not fit together, or what the compiler said
 */
export async function packLibraries(output: string): Promise<string[]> {
  const libraries = await publicLibraries();
  const wrong = disagreements(libraries);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const stage = await mkdtemp(join(tmpdir(), 'warren-pack-'));
  try {
    const packages = [];
    for (const library of libraries) {
      await build(library.directory);
      const target = join(stage, library.directory);
      await mkdir(target, { recursive: true });
      await assemble(library, target);
      await run('npm', ['pack', '--ignore-scripts', '--pack-destination', output], { cwd: target });
      const { name, version } = library.manifest;
      packages.push(join(output, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`));
    }
    return packages;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}
