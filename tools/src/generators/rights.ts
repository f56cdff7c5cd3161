import type { Tree } from '@nx/devkit';
import type ts from 'typescript';
import { asArray, asObject, property, Source, textsOf } from './source.ts';

const RIGHTS = 'tools/src/provision/rights.ts';

/**
 * The operator's list, to which a generator adds what a message needs. It stands in the change with the rest, and is
 * read there before it is granted.
 */
export class RightsList {
  readonly #source: Source;
  readonly #rights: ts.ObjectLiteralExpression;

  constructor(tree: Tree) {
    this.#source = new Source(tree, RIGHTS);
    this.#rights = this.#source.need(asObject(this.#source.variable('RIGHTS')), 'object RIGHTS');
  }

  /** The service that declares an exchange; undefined for one that nobody has yet. */
  ownerOf(exchange: string): string | undefined {
    const { properties } = this.#rights;
    const names = properties.map(({ name }) => name!.getText().replaceAll(/['"]/g, ''));
    return names.find((service) => textsOf(this.#list(service, 'owns')).includes(exchange));
  }

  addService(service: string): void {
    this.#source.append(
      this.#source.need(asArray(this.#source.variable('SERVICES')), 'array SERVICES'),
      `'${service}'`,
    );
    this.#source.append(this.#rights, `'${service}': { owns: [], publishes: {}, bindsTo: [] }`);
  }

  /** Lets a service declare an exchange of events, and everybody subscribe to it. */
  own(service: string, exchange: string): void {
    this.#source.append(this.#list(service, 'owns'), `'${exchange}'`);
    this.#source.append(
      this.#source.need(asArray(this.#source.variable('EVENT_EXCHANGES')), 'array EVENT_EXCHANGES'),
      `'${exchange}'`,
    );
  }

  /** @param name type without its version */
  publish(service: string, exchange: string, name: string): void {
    const publishes = this.#source.need(
      asObject(property(this.#of(service), 'publishes')),
      `publishes of ${service}`,
    );
    const names = asArray(property(publishes, exchange));
    if (!names) this.#source.append(publishes, `'${exchange}': ['${name}']`);
    else if (!textsOf(names).includes(name)) this.#source.append(names, `'${name}'`);
  }

  bind(service: string, exchange: string): void {
    const bindsTo = this.#list(service, 'bindsTo');
    const readable = [...textsOf(bindsTo), ...textsOf(this.#list(service, 'owns'))];
    if (!readable.includes(exchange)) this.#source.append(bindsTo, `'${exchange}'`);
  }

  save(): void {
    this.#source.save();
  }

  #of(service: string): ts.ObjectLiteralExpression {
    return this.#source.need(asObject(property(this.#rights, service)), `rights of ${service}`);
  }

  #list(service: string, name: 'owns' | 'bindsTo'): ts.ArrayLiteralExpression {
    return this.#source.need(asArray(property(this.#of(service), name)), `${name} of ${service}`);
  }
}
