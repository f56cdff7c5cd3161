import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Topology } from '@warren/messaging';
import { ROOT } from '../config.ts';

/** An app has no topology that can be found; the message says where it is looked for. */
export class NoTopology extends Error {
  override readonly name = 'NoTopology';
}

/** Names of the apps that say what they have on the broker. */
export function appsWithTopology(root = ROOT): string[] {
  return readdirSync(join(root, 'apps'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, 'apps', entry.name, 'src/topology.ts')))
    .map(({ name }) => name)
    .sort();
}

/**
 * The topology of a built app: the export `topology` of its topology.ts; or, where numbers in it are configured, what
 * its function makes of the environment and of the defaults in its config.ts.
 */
export async function loadTopology(app: string, root = ROOT): Promise<Topology> {
  const module = await importBuilt(root, app, 'topology.js');
  if (isTopology(module['topology'])) return module['topology'];
  const made = Object.values(module).find((value) => typeof value === 'function');
  if (made) {
    const topology: unknown = made(await configurationOf(root, app));
    if (isTopology(topology)) return topology;
  }
  throw new NoTopology(
    `apps/${app}/src/topology.ts exports neither \`topology\` nor a function of the configuration that makes one`,
  );
}

function isTopology(value: unknown): value is Topology {
  return typeof value === 'object' && value !== null && 'service' in value && 'consumers' in value;
}

interface Variable {
  default?: unknown;
  _parse?: (input: string) => unknown;
}

/** What concerns names and arguments on the broker has defaults: the rest (passwords, addresses) is left out. */
async function configurationOf(root: string, app: string): Promise<Record<string, unknown>> {
  const { environment } = await importBuilt(root, app, 'config.js');
  const variables = Object.entries((environment ?? {}) as Record<string, Variable>);
  return Object.fromEntries(
    variables.map(([name, { default: unless, _parse: parse }]) => {
      const given = process.env[name];
      return [name, given && parse ? parse(given) : unless];
    }),
  );
}

async function importBuilt(root: string, app: string, file: string): Promise<Record<string, unknown>> {
  const path = join(root, 'apps', app, 'dist', file);
  if (!existsSync(path)) throw new NoTopology(`apps/${app}/dist/${file} is not there: is ${app} built?`);
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
}
