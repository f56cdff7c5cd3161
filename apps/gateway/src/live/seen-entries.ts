import type { HistoryEntry } from '../queries/followed.ts';

const VERSIONS = /^([1-9]\d{0,14})(?:-([1-9]\d{0,14}))?$/;
const NAME = /^[a-z]+(?:-[a-z]+)*$/;

/** Far longer than any id that was given out. */
const MAX_LENGTH = 2_000;

/**
 * Which entries of a history a client has. Written down it is the id of an event, for example `accepted.1-3`: the
 * versions, and the names of what has none.
 *
 * A single number would not do. Entries become known in another order than that of their versions, some have no version,
 * and a number given at the insert would not be in the order of the commits unless writers waited for each other. A
 * history is short, so that an id can name all of it, and it means the same on every replica.
 */
export class SeenEntries {
  readonly #names = new Set<string>();
  /** First and last version of each range: ascending, with gaps between them. */
  #ranges: [number, number][] = [];

  /** @returns undefined when `id` is not of an event */
  static parse(id: string): SeenEntries | undefined {
    if (id.length > MAX_LENGTH) return undefined;
    const seen = new SeenEntries();
    for (const part of id.split('.')) {
      const [, first, last = first] = VERSIONS.exec(part) ?? [];
      if (first !== undefined && Number(first) <= Number(last)) seen.#addRange(Number(first), Number(last));
      else if (NAME.test(part)) seen.#names.add(part);
      else return undefined;
    }
    return seen;
  }

  has({ version, type }: HistoryEntry): boolean {
    if (version === 0) return this.#names.has(nameOf(type));
    return this.#ranges.some(([first, last]) => first <= version && version <= last);
  }

  add({ version, type }: HistoryEntry): void {
    if (version === 0) this.#names.add(nameOf(type));
    else this.#addRange(version, version);
  }

  toString(): string {
    const versions = this.#ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
    return [...[...this.#names].sort(), ...versions].join('.');
  }

  #addRange(first: number, last: number): void {
    const ranges = [...this.#ranges, [first, last] as [number, number]].sort(([a], [b]) => a - b);
    this.#ranges = [];
    for (const range of ranges) {
      const before = this.#ranges.at(-1);
      if (before && range[0] <= before[1] + 1) before[1] = Math.max(before[1], range[1]);
      else this.#ranges.push(range);
    }
  }
}

/** What stands behind the entity: `accepted` of `order.accepted`. */
const nameOf = (type: string): string => type.slice(type.indexOf('.') + 1);
