import type { Tree } from '@nx/devkit';
import { isMap, isScalar, parseDocument, type Document, type Pair, type YAMLMap } from 'yaml';

const FILE = 'docker-compose.yml';

/** docker-compose.yml, to which a service is added as text, so that all else stays as it was written. */
export class ComposeFile {
  readonly #tree: Tree;
  readonly #text: string;
  readonly #document: Document;

  /** @throws Error when there is no such file */
  constructor(tree: Tree) {
    const text = tree.read(FILE, 'utf8');
    if (text === null) throw new Error(`${FILE} is not there`);
    this.#tree = tree;
    this.#text = text;
    this.#document = parseDocument(text, { merge: true });
  }

  /** Whether a container has this name already. */
  has(name: string): boolean {
    return this.#map('services').has(name);
  }

  /**
   * Adds its image, the step that declares its queues, and itself, each behind those of the other services; and has
   * the system wait for it.
   */
  addService(service: string): void {
    const services = this.#map('services');
    const lastDeclaring = this.#last(services, (name) => name.startsWith('declare-'));
    const sibling = lastDeclaring.slice('declare-'.length);
    const declared = `      declare-${service}: { condition: service_completed_successfully }\n`;
    const ready = `      ${service}: { condition: service_healthy }\n`;
    const insertions: [position: number, text: string][] = [
      [this.#endOf(this.#map('x-service', 'depends_on'), lastDeclaring), declared.replace('      ', '    ')],
      [
        this.#endOf(this.#map(), `x-${sibling}`),
        `\nx-${service}: &${service}
  image: warren/${service}
  build: { <<: *build, args: { APP: ${service} } }
  environment: *environment
`,
      ],
      [
        this.#endOf(services, lastDeclaring),
        `\n  declare-${service}:
    <<: [*declare, *${service}]
    entrypoint: [node, --env-file=/credentials/${service}.env, dist/main.js]
    command: [declare]
    volumes: ['credentials:/credentials:ro']
`,
      ],
      [
        this.#endOf(services, sibling),
        `\n  ${service}:
    <<: [*service, *${service}]
    entrypoint: [node, --enable-source-maps, --env-file=/credentials/${service}.env, dist/main.js]
    volumes:
      - credentials:/credentials:ro
`,
      ],
      [this.#endOf(this.#map('services', 'places', 'depends_on'), sibling), ready],
    ];
    let text = this.#text;
    for (const [position, inserted] of insertions.sort(([one], [other]) => other - one))
      text = text.slice(0, position) + inserted + text.slice(position);
    this.#tree.write(FILE, text);
  }

  #map(...path: string[]): YAMLMap {
    const node = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    if (!isMap(node))
      throw new Error(`${FILE} has no ${path.join('.')}: the generator knows no place for it`);
    return node;
  }

  #last(map: YAMLMap, isOne: (name: string) => boolean): string {
    const name = map.items.map(nameOf).findLast(isOne);
    if (name === undefined) throw new Error(`${FILE} declares the queues of no service`);
    return name;
  }

  /** Where the next line after an entry begins. */
  #endOf(map: YAMLMap, name: string): number {
    const value = map.items.find((each) => nameOf(each) === name)?.value as { range?: number[] } | undefined;
    const end = value?.range?.[1];
    if (end === undefined) throw new Error(`${FILE} has no ${name}: the generator knows no place for it`);
    // Of a block the end may be that of its last line's break already.
    return this.#text[end - 1] === '\n' ? end : this.#text.indexOf('\n', end) + 1;
  }
}

function nameOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : String(key);
}
