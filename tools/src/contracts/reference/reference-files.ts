import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../../config.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { catalogue, GENERATED } from './catalogue.ts';
import { loadReferenceSources, type ReferenceSources } from './load-reference.ts';

const CATALOGUE = 'docs/events';
/** Where the gateway ships and serves it from. */
const DOCUMENT = 'apps/gateway/assets/asyncapi.json';

/** Every generated file of the reference: its text by its path in the repository. */
export function referenceFiles(sources: ReferenceSources): Map<string, string> {
  const pages = [...catalogue(sources)].map(([name, text]) => [`${CATALOGUE}/${name}`, text] as const);
  return new Map([[DOCUMENT, `${JSON.stringify(asyncApiDocument(sources), undefined, 2)}\n`], ...pages]);
}

/** Paths of generated files that are missing, differ, or belong to a message that is gone. */
export async function outdatedReferenceFiles(root = ROOT): Promise<string[]> {
  return outdatedOf(referenceFiles(await loadReferenceSources()), root);
}

/** Brings the generated files up to date. Returns the paths of those that were not. */
export async function writeReferenceFiles(root = ROOT): Promise<string[]> {
  const files = referenceFiles(await loadReferenceSources());
  const outdated = outdatedOf(files, root);
  for (const path of outdated) {
    const text = files.get(path);
    if (text === undefined) {
      rmSync(join(root, path));
      continue;
    }
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return outdated;
}

function outdatedOf(files: ReadonlyMap<string, string>, root: string): string[] {
  const changed = [...files].filter(([path, text]) => textOf(join(root, path)) !== text);
  return [...changed.map(([path]) => path), ...leftovers(files, root)].sort();
}

const textOf = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, 'utf8') : undefined;

/** Pages of the catalogue whose message is gone. What somebody put there by hand is left alone. */
function leftovers(files: ReadonlyMap<string, string>, root: string): string[] {
  const directory = join(root, CATALOGUE);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => `${CATALOGUE}/${name}`)
    .filter((path) => !files.has(path) && textOf(join(root, path))?.startsWith(GENERATED));
}
