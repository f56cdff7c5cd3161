import { join } from 'node:path';
import { generateFiles, names, type GeneratorCallback, type Tree } from '@nx/devkit';
import ts from 'typescript';
import { CONTRACTS, contractsIn } from '../contracts.ts';
import { finish } from '../finish.ts';
import { capital, inWords, messageName, one, type MessageName } from '../message-name.ts';
import { RightsList } from '../rights.ts';
import { assertService, topologyOf } from '../services.ts';
import { asArray, property, Source } from '../source.ts';

export interface EventOptions {
  /** `<entity>.<verb>`, with `.v<major>` when it is not the first version. */
  type?: string;
  publisher?: string;
  /** Default: the one of other events of the entity, else `<entities>.events`. */
  exchange?: string;
  /** Default: made of the type. */
  description?: string;
}

/** Of events; their consumers are told by the name that it is no command. */
const EXCHANGE = /^[a-z]+(-[a-z]+)*\.events$/;

/** `nx g @warren/tools:event <entity>.<verb> --publisher=<service>` */
export default async function eventGenerator(tree: Tree, options: EventOptions): Promise<GeneratorCallback> {
  const { type, path } = addEvent(tree, options);
  return finish(tree, [
    `Say in ${path} what else there is to tell of it: every field with its constraint and @Describe, and in the example.`,
    'Then write the reference anew: npm run contracts -- docs',
    'When it is as others may build on it, record it, for npm test asks for that: npm run contracts -- release',
    `Publish it with outbox.append in ${options.publisher}, and handle it: ` +
      `npx nx g @warren/tools:handler ${type} --service=<service>`,
  ]);
}

/** Makes the contract and all that names it. Changes nothing when something is wrong. */
export function addEvent(tree: Tree, options: EventOptions): { type: string; path: string } {
  const name = messageName(options.type ?? '');
  const known = contractsIn(tree);
  assertNew(name, [...known.map(({ type }) => type), ...releasedIn(tree)]);
  const { publisher } = options;
  assertService(tree, publisher, 'publisher');

  const sibling = known.find(({ kind, type }) => kind === 'Event' && type.startsWith(`${name.entity}.`));
  const exchange = options.exchange ?? sibling?.exchange ?? `${name.entities}.events`;
  if (!EXCHANGE.test(exchange)) {
    throw new Error(
      `"${exchange}" is no exchange of events: name it <entities>.events in lower case, as in parcels.events`,
    );
  }
  const folder = sibling?.folder ?? name.entities;
  const className = `${names(`${name.entity}-${name.verb}`).className}V${name.version}`;
  const file = `${name.entity}-${name.verb}.v${name.version}`;
  const path = `${CONTRACTS}/${folder}/${file}.ts`;
  if (tree.exists(path) || known.some((contract) => contract.className === className)) {
    throw new Error(
      `${path} or another class ${className} is there already: remove it, or name the event otherwise`,
    );
  }
  const rights = new RightsList(tree);
  const owner = rights.ownerOf(exchange);

  if (!owner) rights.own(publisher, exchange);
  rights.publish(publisher, exchange, name.unversioned);
  rights.save();
  generateFiles(tree, join(import.meta.dirname, 'files'), `${CONTRACTS}/${folder}`, {
    ...name,
    file,
    className,
    exchange,
    publisher,
    description: literal(options.description?.trim() || sentence(name)),
    entityWords: inWords(name.entity),
    id: `${names(name.entity).propertyName}Id`,
    at: `${names(name.verb).propertyName}At`,
  });
  register(tree, { className, folder, file });
  publish(tree, publisher, className, owner ? undefined : exchange);
  return { type: name.type, path };
}

/** Types that were released, and may be retired: their names mean nothing else. */
function releasedIn(tree: Tree): string[] {
  return tree.children('libs/contracts/released').map((file) => file.replace(/\.json$/, ''));
}

function assertNew({ type, unversioned, version }: MessageName, known: readonly string[]): void {
  const versions = known
    .filter((each) => each.startsWith(`${unversioned}.v`))
    .map((each) => Number(each.slice(unversioned.length + 2)));
  const next = Math.max(0, ...versions) + 1;
  if (versions.includes(version)) {
    throw new Error(
      `${type} is there already, or was and is retired. The next version, for a change that would break others, is ` +
        `${unversioned}.v${next}; what may be changed in one that is there: docs/contracts.md`,
    );
  }
  if (version !== next)
    throw new Error(`${type} would leave out a version: the next is ${unversioned}.v${next}`);
}

/** Exports the class where the library does, and lists it where all messages are listed. */
function register(
  tree: Tree,
  { className, folder, file }: { className: string; folder: string; file: string },
): void {
  const specifier = `./${folder}/${file}.ts`;
  const index = new Source(tree, `${CONTRACTS}/index.ts`);
  const exports = index.file.statements.filter(
    (each): each is ts.ExportDeclaration & { moduleSpecifier: ts.StringLiteral } =>
      ts.isExportDeclaration(each) && each.moduleSpecifier !== undefined,
  );
  const text = `export { ${className} } from '${specifier}';`;
  const next = exports.find(
    ({ moduleSpecifier }) => /\.v\d+\.ts$/.test(moduleSpecifier.text) && moduleSpecifier.text > specifier,
  );
  if (next) index.insert(next.getStart(), `${text}\n`);
  else index.insert(index.need(exports.at(-1), 'exports').getEnd(), `\n${text}`);
  index.save();

  const registry = new Source(tree, `${CONTRACTS}/registry.ts`);
  const published = registry.need(asArray(registry.variable('published')), 'array "published"');
  const siblings = registry.file.statements
    .filter(ts.isImportDeclaration)
    .filter(({ moduleSpecifier }) => moduleSpecifier.getText().includes(`'./${folder}/`))
    .flatMap(({ importClause }) => {
      const bindings = importClause?.namedBindings;
      return bindings && ts.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name.text) : [];
    });
  registry.append(
    published,
    className,
    published.elements.findLast((each) => siblings.includes(each.getText())),
  );
  registry.import(className, specifier);
  registry.save();
}

/** @param owned an exchange that the publisher has to declare from now on */
function publish(tree: Tree, publisher: string, className: string, owned: string | undefined): void {
  const source = new Source(tree, topologyOf(publisher));
  const topology = source.need(source.optionsOf('defineTopology'), 'defineTopology({ … })');
  const [service] = topology.properties;
  if (owned !== undefined) source.appendTo(topology, 'exchanges', `'${owned}'`, service);
  const exchanges = property(topology, 'exchanges')?.parent;
  source.appendTo(topology, 'publishes', className, exchanges ?? service);
  source.import(className, '@warren/contracts');
  source.save();
}

function sentence({ entity, verb }: MessageName): string {
  return verb.includes('-')
    ? `${capital(inWords(verb))}, of ${one(entity)}.`
    : `${capital(one(entity))} was ${verb}.`;
}

/** As it stands in a source: Prettier chooses the quotes. */
const literal = (text: string): string => JSON.stringify(text);
