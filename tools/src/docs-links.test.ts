import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT } from './config.ts';

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'tmp']);
const SOURCES = ['apps', 'libs', 'tools'];

/** Files below `directory` whose name ends with `ending`, without what is installed, built or hidden. */
function filesIn(directory: string, ending: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory())
      return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : filesIn(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

interface Document {
  name: string;
  path: string;
  text: string;
  /** Without code, in which brackets and parentheses are no links. */
  prose: string;
}

const documents = filesIn(ROOT, '.md').map((path): Document => {
  const text = readFileSync(path, 'utf8');
  const prose = text.replaceAll(/^( *)(```+)[^\n]*\n[\s\S]*?^\1\2$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return { name: relative(ROOT, path), path, text, prose };
});

function linksOf({ prose }: Document): string[] {
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const references = [...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)];
  return [...inline, ...references].map((match) => match[1]!);
}

/** The anchors that GitHub gives to headings: https://docs.github.com/en/get-started/writing-on-github */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map((match) => match[1]!);
  const plain = headings.map((heading) =>
    heading.replaceAll(/[`*]|\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase(),
  );
  return new Set(
    plain.map((heading) => heading.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-')),
  );
}

/** What is wrong with a link of a document, if anything. */
function fault(document: Document, link: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return undefined;
  const [file = '', anchor] = link.split('#', 2);
  if (file.startsWith('/')) return `${link} is not relative`;
  const target = file === '' ? document.path : join(dirname(document.path), decodeURIComponent(file));
  if (!existsSync(target)) return `${link} leads nowhere`;
  if (relative(ROOT, target).startsWith('..')) return `${link} leads out of the repository`;
  if (anchor === undefined || statSync(target).isDirectory() || !target.endsWith('.md')) return undefined;
  return anchorsOf(readFileSync(target, 'utf8')).has(anchor)
    ? undefined
    : `${link} names a heading that is not there`;
}

describe('the documents', () => {
  it('are found', () => {
    expect(documents.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/what-happens-if.md']),
    );
  });

  it.each(documents)('link only to what is there: $name', (document) => {
    const faults = linksOf(document).flatMap((link) => fault(document, link) ?? []);
    expect(faults).toEqual([]);
  });

  it.each(documents)('name only npm scripts that exist: $name', ({ text }) => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(
      (match) => match[1] ?? match[2]!,
    );
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it.each(documents)('name only variables that the code reads: $name', ({ text }) => {
    const configurations = SOURCES.flatMap((directory) => filesIn(join(ROOT, directory), 'config.ts'));
    const examples = ['.py', '.js'].flatMap((ending) => filesIn(join(ROOT, 'examples'), ending));
    const code = [...configurations, ...examples].map((path) => readFileSync(path, 'utf8'));
    const named = new Set(text.match(/\bWARREN_[A-Z_]+\b/g) ?? []);
    expect([...named].filter((variable) => !code.some((source) => source.includes(variable)))).toEqual([]);
  });
});
