import { createHash } from 'node:crypto';

/** A statement is prepared from this use on: before, it may be one of those that never come again. */
const USES_BEFORE = 5;
/** Every connection keeps what it has prepared, so that their number must have an end. */
const MOST_NAMES = 200;
const MOST_COUNTED = 1_000;

/**
 * Which statements are worth preparing: those that are sent again and again. The server then neither parses nor, in
 * most cases, plans them anew. Five uses is what other drivers wait for, too.
 *
 * Sources: https://www.psycopg.org/psycopg3/docs/advanced/prepare.html,
 * https://jdbc.postgresql.org/documentation/server-prepare/
 */
export class StatementNames {
  readonly #names = new Map<string, string>();
  /** Uses of statements without a name; the least recently used is forgotten first. */
  readonly #uses = new Map<string, number>();

  /** @returns the name to prepare `text` under, or undefined as long as that does not pay */
  nameOf(text: string): string | undefined {
    const name = this.#names.get(text);
    if (name !== undefined || this.#names.size >= MOST_NAMES) return name;
    const uses = (this.#uses.get(text) ?? 0) + 1;
    this.#uses.delete(text);
    if (uses > USES_BEFORE) return this.#baptize(text);
    this.#uses.set(text, uses);
    if (this.#uses.size > MOST_COUNTED) this.#uses.delete(this.#uses.keys().next().value!);
    return undefined;
  }

  #baptize(text: string): string {
    const name = `warren-${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
    this.#names.set(text, name);
    return name;
  }
}
