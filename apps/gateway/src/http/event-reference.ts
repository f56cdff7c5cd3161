import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file with its version, as it is sent. */
export interface ReferenceFile {
  type: string;
  etag: string;
  content: string;
}

const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** https://www.iana.org/assignments/media-types/application/vnd.aai.asyncapi+json */
export const ASYNCAPI_MEDIA_TYPE = 'application/vnd.aai.asyncapi+json;version=3.0.0';

const VIEWER_SCRIPT = '@asyncapi/react-component/browser/standalone/index.js';
const VIEWER_STYLE = '@asyncapi/react-component/styles/default.min.css';

/** Everything that the page takes comes from here. Its validators (Ajv) are compiled in the browser, which is an eval. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/** The component writes the rules of a field in lower case, and so [A-Z] as [a-z]. */
const PATTERNS_AS_THEY_ARE = '\n.aui-root .lowercase { text-transform: none; }\n';

const START_SCRIPT = `const place = document.getElementById('reference');
const { documentUrl } = place.dataset;
try {
  const response = await fetch(documentUrl);
  if (!response.ok) throw new Error(\`\${documentUrl} was answered with \${response.status}\`);
  const config = {
    show: { sidebar: true, errors: true },
    sidebar: { showOperations: 'byOperationsTags' },
    expand: { messageExamples: true },
  };
  AsyncApiStandalone.render({ schema: await response.json(), config }, place);
} catch (error) {
  place.textContent = \`The reference can't be shown: \${error.message}. The document itself is at /asyncapi.json.\`;
}
`;

/**
 * The AsyncAPI document that the gateway ships, and what shows it in a browser: AsyncAPI's own component, from files
 * of its package.
 */
export class EventReference {
  /** The document, with the address of the schemas that this system serves. */
  readonly document: ReferenceFile;
  /** For people. */
  readonly page: string;
  readonly #files: ReadonlyMap<string, ReferenceFile>;

  /**
   * @param schemaBaseUrl where schemas are served, with no slash at its end
   * @throws when a file is not there that the gateway is shipped with
   */
  constructor(schemaBaseUrl: string) {
    const document = readFileSync(asset('asyncapi.json'), 'utf8');
    const { 'x-schema-base-url': written } = JSON.parse(document) as { 'x-schema-base-url': string };
    const located = document.replaceAll(written, () => JSON.stringify(schemaBaseUrl).slice(1, -1));
    this.document = fileOf(ASYNCAPI_MEDIA_TYPE, located);
    const files = {
      'viewer.css': readFileSync(packageFile(VIEWER_STYLE), 'utf8') + PATTERNS_AS_THEY_ARE,
      'viewer.js': readFileSync(packageFile(VIEWER_SCRIPT), 'utf8'),
      'start.js': START_SCRIPT,
    };
    const named = Object.entries(files).map(([name, content]) => {
      const file = fileOf(TYPES[extname(name)]!, content);
      const [stem, ending] = name.split('.') as [string, string];
      return { name, url: `${stem}.${file.etag.slice(1, 13)}.${ending}`, file };
    });
    this.#files = new Map(named.map(({ url, file }) => [url, file]));
    this.page = pageWith((name) => `./events/${named.find((each) => each.name === name)!.url}`);
  }

  /** @param name as it stands in the page, with its version: it never means another content */
  file(name: string): ReferenceFile | undefined {
    return this.#files.get(name);
  }
}

function fileOf(type: string, content: string): ReferenceFile {
  return { type, content, etag: `"${createHash('sha256').update(content).digest('hex').slice(0, 32)}"` };
}

const asset = (path: string): string => fileURLToPath(new URL(`../../assets/${path}`, import.meta.url));

/** Where the gateway was put together to run on its own, files of packages that it needs no code of are among its assets. */
function packageFile(path: string): string {
  const bundled = asset(path);
  return existsSync(bundled) ? bundled : createRequire(import.meta.url).resolve(path);
}

const pageWith = (urlOf: (name: string) => string): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Warren: messages</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${urlOf('viewer.css')}">
<script src="${urlOf('viewer.js')}" defer></script>
<script src="${urlOf('start.js')}" type="module"></script>
</head>
<body>
<div id="reference" data-document-url="../asyncapi.json">Loading …</div>
<noscript>This page needs JavaScript. The document that it shows is at <a href="/asyncapi.json">/asyncapi.json</a>.</noscript>
</body>
</html>
`;
