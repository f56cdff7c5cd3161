import { join } from 'node:path';
import {
  generateFiles,
  names,
  readJson,
  updateJson,
  visitNotIgnoredFiles,
  type GeneratorCallback,
  type Tree,
} from '@nx/devkit';
import type ts from 'typescript';
import { contractNamed } from '../contracts.ts';
import { finish } from '../finish.ts';
import { addHandler } from '../handler/generator.ts';
import { one, messageName } from '../message-name.ts';
import { RightsList } from '../rights.ts';
import { servicesIn } from '../services.ts';
import { asObject, Source } from '../source.ts';
import { ComposeFile } from './compose-file.ts';

export interface ServiceOptions {
  name?: string;
  /** The message that its first handler handles. Default: `user.registered.v1`. */
  handles?: string;
  /** Default: what its first handler does. */
  description?: string;
  /** Default: the next after those of the other services. */
  port?: number;
}

const NAME = /^[a-z]+(-[a-z]+)*$/;
/** Leaves room for the prefixes of tests in the 63 characters of a PostgreSQL name. */
const LONGEST = 30;
/** Names of accounts, of PostgreSQL's own schemas, and of what else has a port in the system. */
const TAKEN =
  /^(?:operator|warren|guest.*|amq.*|pg-.*|public|information-schema|declare-.*|smtp|mail-inbox)$/;

/** `nx g @warren/tools:service <name>` */
export default async function serviceGenerator(
  tree: Tree,
  options: ServiceOptions,
): Promise<GeneratorCallback> {
  const { service, handler, port } = addService(tree, options);
  return finish(tree, [
    `Read what it may do on the broker, in tools/src/provision/rights.ts, and have ${handler} do what it needs to do.`,
    `Run its tests: npm test -- apps/${service}`,
    `npm start runs it with the rest, on port ${port}.`,
    `Give it events of its own: npx nx g @warren/tools:event <entity>.<verb> --publisher=${service}`,
    'Tell of it in ARCHITECTURE.md, under "Who owns what".',
  ]);
}

/** Makes the service and all that names it. Changes nothing when something is wrong. */
export function addService(
  tree: Tree,
  options: ServiceOptions,
): { service: string; handler: string; port: number } {
  const service = options.name ?? '';
  const compose = new ComposeFile(tree);
  assertFree(tree, service, compose);
  const handled = contractNamed(tree, options.handles ?? 'user.registered.v1');
  if (handled.kind !== 'Event') {
    throw new Error(
      `${handled.type} is a ${handled.kind.toLowerCase()} that others take: a new service begins with an event of others`,
    );
  }
  const ports = new Ports(tree);
  const port = options.port ?? ports.next();
  const other = ports.userOf(port);
  if (other !== undefined)
    throw new Error(`port ${port} is that of ${other}: leave --port out for ${ports.next()}`);

  const { entity } = messageName(handled.type);
  const description = options.description?.trim() || `Keeps the latest ${handled.type} of ${one(entity)}`;
  const { className, propertyName: definition } = names(service);
  const versions = versionsIn(tree);
  generateFiles(tree, join(import.meta.dirname, 'files'), `apps/${service}`, {
    service,
    definition,
    moduleClass: `${className}Module`,
    schema: service.replaceAll('-', '_'),
    text: /[.!?]$/.test(description) ? description : `${description}.`,
    description: JSON.stringify(description),
    port,
    version: readJson<{ version: string }>(tree, 'package.json').version,
    dependencies: JSON.stringify(Object.fromEntries(DEPENDENCIES.map((each) => [each, versions(each)]))),
    versionOfTesting: versions('@warren/testing'),
  });
  ports.add(service, port);
  const rights = new RightsList(tree);
  rights.addService(service);
  rights.save();
  compose.addService(service);
  addToProjects(tree, service);
  addToReadme(tree, service, description);
  const { path: handler } = addHandler(tree, { type: handled.type, service });
  return { service, handler, port };
}

function assertFree(tree: Tree, name: string, compose: ComposeFile): void {
  if (!NAME.test(name) || name.length > LONGEST) {
    throw new Error(
      `"${name}" can not name a service: lower-case words with hyphens, up to ${LONGEST} characters, as in parcel-service`,
    );
  }
  if (servicesIn(tree).includes(name)) throw new Error(`apps/${name} is there already: choose another name`);
  const packages: string[] = [];
  for (const folder of ['apps', 'libs', 'tools', 'e2e', 'examples']) {
    visitNotIgnoredFiles(tree, folder, (path) => {
      if (path.endsWith('/package.json')) packages.push(readJson<{ name: string }>(tree, path).name);
    });
  }
  if (
    tree.exists(`apps/${name}`) ||
    packages.includes(`@warren/${name}`) ||
    compose.has(name) ||
    TAKEN.test(name)
  ) {
    throw new Error(
      `"${name}" is taken, by another package, account or part of the system: choose another name, as in ${name}-service`,
    );
  }
}

/** What a service is made of: the versions are those that its libraries have. */
const DEPENDENCIES = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/microservices',
  '@nestjs/platform-fastify',
  '@nestjs/terminus',
  '@warren/contracts',
  '@warren/messaging',
  '@warren/observability',
  '@warren/service',
  'class-transformer',
  'class-validator',
  'envalid',
  'pg',
  'reflect-metadata',
  'rxjs',
  'typeorm',
  'uuid',
];

function versionsIn(tree: Tree): (name: string) => string {
  const known: Record<string, string> = {};
  for (const library of ['contracts', 'service']) {
    const path = `libs/${library}/package.json`;
    const json = readJson<Record<string, string | Record<string, string>>>(tree, path);
    Object.assign(known, json['devDependencies'], json['dependencies']);
    known[`@warren/${library}`] = json['version'] as string;
  }
  return (name) => {
    const version = known[name];
    if (version === undefined) throw new Error(`no version of ${name} is named in libs/service/package.json`);
    return version;
  };
}

/** The usual ports of a development machine. */
class Ports {
  readonly #source: Source;
  readonly #list: ts.ObjectLiteralExpression;
  readonly #services: string[];

  constructor(tree: Tree) {
    this.#source = new Source(tree, 'tools/src/system/start-system.ts');
    this.#list = this.#source.need(asObject(this.#source.variable('USUAL_PORTS')), 'object USUAL_PORTS');
    this.#services = servicesIn(tree);
  }

  next(): number {
    let port = Math.max(...this.#of(this.#services).map((each) => each[1])) + 1;
    while (this.userOf(port) !== undefined) port += 1;
    return port;
  }

  userOf(port: number): string | undefined {
    return this.#of().find((each) => each[1] === port)?.[0];
  }

  add(service: string, port: number): void {
    const name = this.#of(this.#services).at(-1)?.[2];
    this.#source.append(this.#list, `\n'${service}': ${port}`, name);
    this.#source.save();
  }

  #of(services?: string[]): [name: string, port: number, node: ts.Node][] {
    const all = this.#list.properties.map((each): [string, number, ts.Node] => {
      const [name = '', port] = each.getText().split(':');
      return [name.replaceAll(/['"]/g, '').trim(), Number(port), each];
    });
    return services ? all.filter(([name]) => services.includes(name)) : all;
  }
}

/** Has it compiled, checked and, before the end-to-end tests run, built. */
function addToProjects(tree: Tree, service: string): void {
  const project = `./apps/${service}`;
  const addReferences = (file: string, ...paths: string[]) =>
    updateJson(tree, file, (json: { references: { path: string }[] }) => {
      const { references } = json;
      const last = references.findLastIndex(({ path }) => path.startsWith('./apps/'));
      return { ...json, references: references.toSpliced(last + 1, 0, ...paths.map((path) => ({ path }))) };
    });
  addReferences('tsconfig.json', project, `${project}/tsconfig.spec.json`);
  addReferences('tsconfig.build.json', project);
  updateJson(tree, 'e2e/package.json', (json: { nx: { implicitDependencies: string[] } }) => {
    json.nx.implicitDependencies.push(`@warren/${service}`);
    return json;
  });
}

function addToReadme(tree: Tree, service: string, description: string): void {
  const readme = tree.read('README.md', 'utf8') ?? '';
  const last = [...readme.matchAll(/^\| \[apps\/.*\n/gm)].at(-1);
  if (!last)
    throw new Error('README.md has no table with a row for each app: the generator knows no place for it');
  const end = last.index + last[0].length;
  const text = description.charAt(0).toLowerCase() + description.slice(1);
  const row = `| [apps/${service}](apps/${service}/src/app.module.ts) | ${text.replaceAll('|', '\\|')} |\n`;
  tree.write('README.md', readme.slice(0, end) + row + readme.slice(end));
}
