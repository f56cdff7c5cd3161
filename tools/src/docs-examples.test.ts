import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { ROOT } from './config.ts';

interface Example {
  document: string;
  /** Where the example stands as a file: named by its first line, or beside the sources of the document's library. */
  path: string;
  text: string;
}

/** Complete programs: what begins with an import. Anything else is a fragment. */
function examplesIn(library: string): Example[] {
  const document = join('libs', library, 'README.md');
  const blocks = [...readFileSync(join(ROOT, document), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  return blocks
    .map(([, text]) => text!)
    .filter((text) => /^(?:\/\/.*\n)*import /.test(text))
    .map((text, i) => {
      const named = /^\/\/ (\S+\.ts)\n/.exec(text)?.[1];
      return { document, path: join(ROOT, named ?? `libs/${library}/src/example-${i}.ts`), text };
    });
}

const libraries = readdirSync(join(ROOT, 'libs')).filter((library) =>
  readdirSync(join(ROOT, 'libs', library)).includes('README.md'),
);
const examples = libraries.flatMap(examplesIn);

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), ts.sys.readFile) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  return { ...options, noEmit: true, composite: false, declaration: false, declarationMap: false };
}

/** What the compiler says of the examples, as if they were files of the repository. */
function complaints(): string[] {
  const options = compilerOptions();
  const texts = new Map(examples.map(({ path, text }) => [path, text]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const text = texts.get(file);
    return text === undefined
      ? getSourceFile(file, version, ...rest)
      : ts.createSourceFile(file, text, version);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts.keys()].flatMap((path) => {
    const source = program.getSourceFile(path)!;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ messageText, start }) => {
      const { line } = source.getLineAndCharacterOfPosition(start ?? 0);
      return `${relative(ROOT, path)}:${line + 1} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
}

describe('the complete examples of the libraries', () => {
  it('are found', () => {
    expect(new Set(examples.map(({ document }) => document)).size).toBeGreaterThanOrEqual(6);
  });

  it('compile', () => {
    expect(complaints()).toEqual([]);
  });
});
