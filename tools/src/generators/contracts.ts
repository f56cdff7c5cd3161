import { visitNotIgnoredFiles, type Tree } from '@nx/devkit';
import ts from 'typescript';
import { asObject, Source, textOf } from './source.ts';

export const CONTRACTS = 'libs/contracts/src';

/** What the sources say of a message, read without running them. */
export interface KnownContract {
  type: string;
  kind: 'Event' | 'Command' | 'Request' | 'Reply';
  className: string;
  /** Empty for replies. */
  exchange: string;
  publisher: string;
  /** Who decides on it: of commands and requests the one who carries them out. */
  owner: string;
  /** Directory below {@link CONTRACTS}. */
  folder: string;
}

const DEFINING = /^Define(?<kind>Event|Command|Request|Reply)$/;

/** Every message that others may build on. */
export function contractsIn(tree: Tree): KnownContract[] {
  const contracts: KnownContract[] = [];
  visitNotIgnoredFiles(tree, CONTRACTS, (path) => {
    const [folder, file] = path.slice(CONTRACTS.length + 1).split('/');
    if (file === undefined || !/\.v\d+\.ts$/.test(file)) return;
    const { file: source } = new Source(tree, path);
    for (const declared of source.statements.filter(ts.isClassDeclaration)) {
      const contract = contractOf(declared, folder!);
      if (contract) contracts.push(contract);
    }
  });
  return contracts;
}

function contractOf(declared: ts.ClassDeclaration, folder: string): KnownContract | undefined {
  for (const { expression } of ts.getDecorators(declared) ?? []) {
    if (!ts.isCallExpression(expression)) continue;
    const { kind } = DEFINING.exec(expression.expression.getText())?.groups ?? {};
    const options = asObject(expression.arguments[0]);
    const type = options && textOf(options, 'type');
    if (kind === undefined || type === undefined || !declared.name) continue;
    const publisher = textOf(options!, 'publishedBy') ?? '';
    return {
      type,
      kind: kind as KnownContract['kind'],
      className: declared.name.text,
      exchange: textOf(options!, 'exchange') ?? '',
      publisher,
      owner: textOf(options!, 'owner') ?? publisher,
      folder,
    };
  }
  return undefined;
}

/** @throws Error naming what there is */
export function contractNamed(tree: Tree, type: string): KnownContract {
  const known = contractsIn(tree);
  const found = known.find((contract) => contract.type === type);
  if (found) return found;
  const [, unversioned] = /^([a-z.-]+?)(?:\.v\d+)?$/.exec(type) ?? [];
  const near = known.filter((contract) => contract.type.startsWith(`${unversioned}.v`));
  const types = (near.length > 0 ? near : known).map((contract) => contract.type).sort();
  throw new Error(
    `there is no message "${type}" in ${CONTRACTS}. ${near.length > 0 ? 'Name its version' : 'There are'}: ` +
      `${types.join(', ')}. A new event is made by: npx nx g @warren/tools:event <entity>.<verb>`,
  );
}
