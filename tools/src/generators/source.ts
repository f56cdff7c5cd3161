import type { Tree } from '@nx/devkit';
import ts from 'typescript';

type List = ts.ArrayLiteralExpression | ts.ObjectLiteralExpression;

/**
 * A TypeScript file that is changed where its syntax says, and otherwise left as its authors wrote it. Positions are
 * those of the text as it was opened; what is inserted stands in the tree after `save`. Prettier lays it out.
 */
export class Source {
  readonly path: string;
  readonly file: ts.SourceFile;
  readonly #tree: Tree;
  readonly #text: string;
  readonly #insertions: { position: number; text: string }[] = [];

  /** @throws Error when there is no such file */
  constructor(tree: Tree, path: string) {
    const text = tree.read(path, 'utf8');
    if (text === null) throw new Error(`${path} is not there`);
    this.path = path;
    this.#tree = tree;
    this.#text = text;
    this.file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  }

  /** The first node, in the order of the text, of which this is true. */
  find<T extends ts.Node>(is: (node: ts.Node) => node is T, where: (node: T) => boolean = () => true) {
    const look = (node: ts.Node): T | undefined =>
      is(node) && where(node) ? node : ts.forEachChild(node, look);
    return look(this.file);
  }

  /** @throws Error naming what the file lacks */
  need<T>(found: T | undefined, what: string): T {
    if (found === undefined)
      throw new Error(`${this.path} has no ${what}: the generator knows no place for it`);
    return found;
  }

  /** What a variable of the file is set to, without `as const`. */
  variable(name: string): ts.Expression | undefined {
    const declaration = this.find(ts.isVariableDeclaration, (each) => each.name.getText() === name);
    return plain(declaration?.initializer);
  }

  /** The options that a function of this name is called with, where the file first calls it. */
  optionsOf(callee: string): ts.ObjectLiteralExpression | undefined {
    const call = this.find(ts.isCallExpression, ({ expression }) => expression.getText() === callee);
    return asObject(call?.arguments[0]);
  }

  insert(position: number, text: string): void {
    this.#insertions.push({ position, text });
  }

  /** Adds to an array or an object: after `behind`, or at the end. */
  append(list: List, text: string, behind?: ts.Node): void {
    const members: readonly ts.Node[] = ts.isArrayLiteralExpression(list) ? list.elements : list.properties;
    const last = behind ?? members.at(-1);
    if (last) this.insert(last.getEnd(), `,${text}`);
    else this.insert(list.getStart() + 1, text);
  }

  /** Adds to the array that an object has under this name, or gives it one. */
  appendTo(object: ts.ObjectLiteralExpression, name: string, text: string, behind?: ts.Node): void {
    const value = property(object, name);
    if (value === undefined) this.append(object, `${name}: [${text}]`, behind);
    else this.append(this.need(asArray(value), `array "${name}"`), text);
  }

  /**
   * Imports a name, where imports of its kind stand in the order of the alphabet.
   *
   * @throws Error when the name stands for something else there
   */
  import(name: string, from: string): void {
    const imports = this.file.statements.filter(ts.isImportDeclaration);
    const specifier = (statement: ts.ImportDeclaration) =>
      (statement.moduleSpecifier as ts.StringLiteral).text;
    const other = this.find(ts.isImportSpecifier, (each) => each.name.text === name)?.parent.parent.parent;
    if (other && ts.isImportDeclaration(other) && specifier(other) !== from) {
      throw new Error(
        `${this.path} imports another ${name}, from ${specifier(other)}: rename that one first`,
      );
    }
    const bindings = imports.find((each) => specifier(each) === from)?.importClause?.namedBindings;
    if (bindings && ts.isNamedImports(bindings)) {
      const { elements } = bindings;
      if (elements.some((each) => each.name.text === name)) return;
      const next = elements.find((each) => each.name.text.localeCompare(name) > 0);
      if (next) this.insert(next.getStart(), `${name}, `);
      else this.insert(elements.at(-1)!.getEnd(), `, ${name}`);
      return;
    }
    const next = imports.find((each) => rank(specifier(each)) > rank(from));
    const text = `import { ${name} } from '${from}';\n`;
    if (next) this.insert(next.getStart(), text);
    else this.insert(imports.at(-1)?.getEnd() ?? 0, `\n${text.trimEnd()}`);
  }

  save(): void {
    let text = this.#text;
    // From the end, so that positions stay true; of those at one place the first stays the first.
    const ordered = this.#insertions.map((each, index) => ({ ...each, index }));
    ordered.sort((one, other) => other.position - one.position || other.index - one.index);
    for (const { position, text: inserted } of ordered)
      text = text.slice(0, position) + inserted + text.slice(position);
    this.#tree.write(this.path, text);
  }
}

/** Packages stand before files. */
const rank = (specifier: string): string => `${specifier.startsWith('.') ? 1 : 0}${specifier}`;

function plain(expression: ts.Expression | undefined): ts.Expression | undefined {
  return expression && ts.isAsExpression(expression) ? plain(expression.expression) : expression;
}

export function asObject(node: ts.Node | undefined): ts.ObjectLiteralExpression | undefined {
  return node && ts.isObjectLiteralExpression(node) ? node : undefined;
}

export function asArray(node: ts.Node | undefined): ts.ArrayLiteralExpression | undefined {
  return node && ts.isArrayLiteralExpression(node) ? node : undefined;
}

/** What an object has under this name. */
export function property(object: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  const found = object.properties.find(
    (each): each is ts.PropertyAssignment =>
      ts.isPropertyAssignment(each) &&
      (ts.isIdentifier(each.name) || ts.isStringLiteral(each.name)) &&
      each.name.text === name,
  );
  return plain(found?.initializer);
}

/** The text that an object has under this name, where it is written down there. */
export function textOf(object: ts.ObjectLiteralExpression, name: string): string | undefined {
  const value = property(object, name);
  return value && ts.isStringLiteralLike(value) ? value.text : undefined;
}

/** The texts of an array, where they are written down there. */
export function textsOf(array: ts.ArrayLiteralExpression | undefined): string[] {
  return [...(array?.elements ?? [])].filter(ts.isStringLiteralLike).map(({ text }) => text);
}
