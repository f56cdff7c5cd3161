import { isSecretName, REDACTED, SECRET_NAME } from './secret-names.ts';

// Lengths are bounded or the search goes on behind what it found, so that a long text costs time in proportion to its
// length.

/** What stands without quotes. */
const SCALAR = String.raw`(?!(?:null|true|false)\b)[^\s",{}[\]\\]+`;
/** A field of JSON with its text, also one that is cut off at the end. */
const FIELD = new RegExp(
  String.raw`"(${SECRET_NAME})"(\s{0,9}:\s{0,9})(?:"(?:[^"\\]|\\[^])*(?:"|\\?$)|${SCALAR})`,
  'gi',
);
/** The same in JSON that stands as text inside of JSON, however often: each quote has the same backslashes before it. */
const FIELD_IN_TEXT = new RegExp(
  String.raw`(?<!\\)(\\{1,64})"(${SECRET_NAME})\1"(\s{0,9}:\s{0,9})(?:\1"[^]*?(?:(?<!\\)\1"|$)|${SCALAR})`,
  'gi',
);
/** As in forms and query strings. */
const ASSIGNMENT = new RegExp(String.raw`\b(${SECRET_NAME})=[^\s&;,"'\\]+`, 'gi');
const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"\\/@]{1,512}@/gi;
const BEARER_TOKEN = /\b(bearer|authorization:\s{0,3}basic)\s{1,3}[\w.~+/=-]{8,}/gi;
const JSON_WEB_TOKEN = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;

/**
 * A text without the secrets that can be told by where they stand: in JSON fields and assignments whose name says so, in
 * URLs, behind `Bearer` and `Basic`, in JSON Web Tokens. What was JSON is JSON still.
 */
export function redactText(text: string): string {
  return withoutNamed(text)
    .replace(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replace(BEARER_TOKEN, `$1 ${REDACTED}`)
    .replace(JSON_WEB_TOKEN, REDACTED);
}

/** Most texts name no secret, and are searched once. */
function withoutNamed(text: string): string {
  if (!isSecretName(text)) return text;
  return text
    .replace(FIELD, `"$1"$2"${REDACTED}"`)
    .replace(FIELD_IN_TEXT, `$1"$2$1"$3$1"${REDACTED}$1"`)
    .replace(ASSIGNMENT, `$1=${REDACTED}`);
}
