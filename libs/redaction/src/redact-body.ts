import { parseObject } from './parse-object.ts';
import { redactSecrets } from './redact-secrets.ts';
import { redactText } from './redact-text.ts';
import { isSecretName, REDACTED, SECRET_NAME } from './secret-names.ts';

/** A body that can be shown. */
export type RedactedBody = (
  | { readonly kind: 'json'; readonly value: object; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
) & {
  /** Whether something was taken out; otherwise the text or the bytes are those that came. */
  readonly redacted: boolean;
};

/** A name and what follows it, in what is no JSON: `name: value`, `'name': 'value'`, as far as it goes on one line. */
const LOOSE_FIELD = new RegExp(
  String.raw`(["']?)\b(${SECRET_NAME})\1(\s{0,9}[:=]\s{0,9})(?:"(?:[^"\\\n]|\\[^])*"?|'(?:[^'\\\n]|\\[^])*'?|[^\r\n,;&"'{}[\]]+)`,
  'gi',
);

/** A body of whatever kind without its secrets: JSON, text that is no JSON, bytes that are no text. */
export function redactBody(content: Uint8Array): RedactedBody {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) {
    const redacted = Buffer.from(redactLoosely(bytes.toString('latin1')), 'latin1');
    return { kind: 'bytes', bytes: redacted, redacted: !redacted.equals(bytes) };
  }
  const parsed = parseObject(text);
  if (parsed === undefined) {
    const shown = redactLoosely(text);
    return { kind: 'text', text: shown, redacted: shown !== text };
  }
  const [plain, shown] = [JSON.stringify(parsed), JSON.stringify(parsed, redactSecrets)];
  // Of a name that stands twice the parsed one has the last; the first may be written with escapes.
  const isAmbiguous = isSecretName(plain) && plain !== text;
  const redacted = shown !== plain || isAmbiguous || redactText(text) !== text;
  return { kind: 'json', value: JSON.parse(shown) as object, text: redacted ? shown : text, redacted };
}

function redactLoosely(text: string): string {
  return redactText(text.replace(LOOSE_FIELD, `$1$2$1$3${REDACTED}`));
}
