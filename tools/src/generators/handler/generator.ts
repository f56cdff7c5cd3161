import { join } from 'node:path';
import { generateFiles, names, readJson, updateJson, type GeneratorCallback, type Tree } from '@nx/devkit';
import type ts from 'typescript';
import { contractNamed, type KnownContract } from '../contracts.ts';
import { finish } from '../finish.ts';
import { inWords, messageName, type MessageName } from '../message-name.ts';
import { RightsList } from '../rights.ts';
import { assertService, definitionName, moduleOf, needsVariables, topologyOf } from '../services.ts';
import { asArray, asObject, property, Source, textOf } from '../source.ts';

export interface HandlerOptions {
  /** As in `parcel.moved.v1`. */
  type?: string;
  service?: string;
  /** Purpose of the queue. Default: the entity in the plural. */
  queue?: string;
}

const QUEUE = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const TESTING = '@warren/service-testing';

/** `nx g @warren/tools:handler <type> --service=<service>` */
export default async function handlerGenerator(
  tree: Tree,
  options: HandlerOptions,
): Promise<GeneratorCallback> {
  const { path, test } = addHandler(tree, options);
  return finish(tree, [
    `Have ${path} do what the service needs to do; keep the migration that its table comes from, or change both.`,
    `Run its test: npm test -- ${test}`,
  ]);
}

/** Makes the handler and all that names it. Changes nothing when something is wrong. */
export function addHandler(tree: Tree, options: HandlerOptions): { path: string; test: string } {
  const { service } = options;
  assertService(tree, service, 'service');
  const contract = contractNamed(tree, options.type ?? '');
  assertHandled(contract, service);
  const name = messageName(contract.type);
  const queue = options.queue ?? name.entities;
  if (!QUEUE.test(queue)) {
    throw new Error(`"${queue}" is no purpose of a queue: lower case with hyphens, as in parcels`);
  }
  const source = `apps/${service}/src`;
  const path = `${source}/handlers/${name.handlerFile}.ts`;
  const test = `${source}/test/${name.handlerFile}.test.ts`;
  for (const file of [path, test]) {
    if (tree.exists(file)) throw new Error(`${file} is there already: remove it, or add to it by hand`);
  }
  consume(tree, service, contract, queue);

  const rights = new RightsList(tree);
  rights.bind(service, contract.exchange);
  rights.save();
  const migration = addToModule(tree, service, name);
  const alone = needsVariables(tree, service);
  generateFiles(tree, join(import.meta.dirname, 'files'), source, {
    ...name,
    ...migration,
    className: contract.className,
    service,
    queue,
    alone,
    definition: definitionName(tree, service),
    entityWords: inWords(name.entity),
  });
  takeTestBench(tree, service);
  return { path, test };
}

function assertHandled({ type, kind, owner }: KnownContract, service: string): void {
  if (kind === 'Reply') {
    throw new Error(`${type} is a reply: it goes to whoever asked, and to no handler. Ask with Requests`);
  }
  if (kind === 'Request') {
    throw new Error(
      `${type} is a request, which is answered by a method with @AnswerRequest and listed under "answers" of the ` +
        'topology, by hand: apps/order-service/src/queries/list-products.ts',
    );
  }
  if (kind === 'Command' && owner !== service) {
    throw new Error(
      `${type} is a command, which ${owner} alone carries out: name --service=${owner}, or handle an event that tells ` +
        'what came of it',
    );
  }
}

/** @throws Error when the service handles it already */
function consume(tree: Tree, service: string, { type, className }: KnownContract, queue: string): void {
  const source = new Source(tree, topologyOf(service));
  const topology = source.need(source.optionsOf('defineTopology'), 'defineTopology({ … })');
  const consumers = (asArray(property(topology, 'consumes'))?.elements ?? []).flatMap(
    (each) => asObject(each) ?? [],
  );
  const handled = (consumer: ts.ObjectLiteralExpression) => asArray(property(consumer, 'handles'));
  const named = (consumer: ts.ObjectLiteralExpression) => textOf(consumer, 'queue');
  const taken = consumers.find((each) => handled(each)?.elements.some((one) => one.getText() === className));
  if (taken) {
    throw new Error(`${service} handles ${type} already, from its queue "${named(taken)}": ${source.path}`);
  }
  const existing = consumers.find((each) => named(each) === queue);
  if (existing) {
    source.append(source.need(handled(existing), `array "handles" for queue "${queue}"`), className);
  } else {
    source.appendTo(topology, 'consumes', `{ queue: '${queue}', handles: [${className}] }`);
  }
  source.import(className, '@warren/contracts');
  source.save();
}

/** Adds controller and migration, which comes after those that are there. */
function addToModule(tree: Tree, service: string, { handlerClass, handlerFile }: MessageName) {
  const source = new Source(tree, moduleOf(service));
  const definition = source.need(source.optionsOf('defineService'), 'defineService({ … })');
  const migrations = source.need(asArray(property(definition, 'migrations')), 'array "migrations"');
  const before = migrations.elements.map((each) => Number(/\d{13}$/.exec(each.getText())?.[0] ?? 0));
  const timestamp = Math.max(Date.now(), ...before.map((each) => each + 1));
  const migrationClass = `${names(handlerFile).className}${timestamp}`;
  source.append(migrations, migrationClass);
  source.append(source.need(controllersIn(source), 'array "controllers"'), handlerClass);
  source.import(handlerClass, `./handlers/${handlerFile}.ts`);
  source.import(migrationClass, `./migrations/${timestamp}-${handlerFile}.ts`);
  source.save();
  return { timestamp, migrationClass };
}

function controllersIn(source: Source): ts.ArrayLiteralExpression | undefined {
  const isWithControllers = (node: ts.Node): node is ts.ObjectLiteralExpression =>
    asArray(asObject(node) && property(node as ts.ObjectLiteralExpression, 'controllers')) !== undefined;
  const module = source.find(isWithControllers);
  return module && asArray(property(module, 'controllers'));
}

/** The test starts the service on the bench, which its package then has to name. */
function takeTestBench(tree: Tree, service: string): void {
  const { version } = readJson<{ version: string }>(tree, 'libs/service-testing/package.json');
  const path = `apps/${service}/package.json`;
  const { devDependencies = {} } = readJson<{ devDependencies?: Record<string, string> }>(tree, path);
  if (devDependencies[TESTING] === undefined) {
    updateJson(tree, path, (json: object) => ({
      ...json,
      devDependencies: sorted({ ...devDependencies, [TESTING]: version }),
    }));
  }
  const reference = '../../libs/service-testing';
  updateJson(tree, `apps/${service}/tsconfig.spec.json`, (json: { references: { path: string }[] }) =>
    json.references.some((each) => each.path === reference)
      ? json
      : { ...json, references: [...json.references, { path: reference }] },
  );
}

function sorted(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));
}
