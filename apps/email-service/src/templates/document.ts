/**
 * What a mail says, before it is text or HTML. Both parts are rendered from it, so they can't come apart, and no
 * template ever writes markup, so a value that looks like markup does no harm.
 */
export interface MailDocument {
  readonly subject: string;
  readonly heading: string;
  readonly blocks: readonly Block[];
}

export type Block = Paragraph | Facts | Items;

export interface Paragraph {
  readonly kind: 'paragraph';
  readonly text: string;
}

/** Labels with their values. */
export interface Facts {
  readonly kind: 'facts';
  readonly rows: readonly (readonly [label: string, value: string])[];
}

/** What was ordered. */
export interface Items {
  readonly kind: 'items';
  readonly rows: readonly { readonly name: string; readonly detail: string; readonly amount: string }[];
  readonly total?: string;
}

export function paragraph(text: string): Paragraph {
  return { kind: 'paragraph', text };
}

export function facts(...rows: Facts['rows']): Facts {
  return { kind: 'facts', rows };
}

/**
 * A value as one line of visible text: control characters, line breaks of any kind and the marks that turn the
 * direction of text become spaces. Without them nobody's name can begin a header, another line or another sentence.
 */
export function oneLine(value: string): string {
  return value
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}
