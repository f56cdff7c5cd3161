// Lengths are bounded, so that a long run of letters without a match costs time in proportion to its length.

/** Names of JSON fields whose text is never written, wherever they stand. */
const SECRET_NAME = String.raw`[\w-]{0,40}(?:password|passwd|secret|token|authorization|cookie|api-?key|e-?mail)[\w-]{0,40}`;

/** A text field with such a name; the second form is for JSON that stands as text inside a field. */
const SECRET_FIELD = new RegExp(String.raw`"(${SECRET_NAME})":"(?:[^"\\]|\\.)*"`, 'gi');
const SECRET_FIELD_IN_TEXT = new RegExp(String.raw`\\"(${SECRET_NAME})\\":\s*\\"(?:[^"\\]|\\\\.)*\\"`, 'gi');

const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"\\/@]{1,512}@/gi;
const BEARER_TOKEN = /\b(bearer|authorization:\s{0,3}basic)\s{1,3}[\w.~+/=-]{8,}/gi;
const JSON_WEB_TOKEN = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;
const EMAIL = /[\w.%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,4}\.[a-z]{2,24}\b/gi;

/**
 * Takes passwords, tokens, authorization headers, credentials in URLs and mail addresses out of one line of JSON.
 * It works on the finished line, so that it also reaches error messages and whatever nests deeper than a list of paths
 * would. The result is JSON still.
 */
export function redactLine(line: string): string {
  return line
    .replace(SECRET_FIELD, '"$1":"[redacted]"')
    .replace(SECRET_FIELD_IN_TEXT, String.raw`\"$1\":\"[redacted]\"`)
    .replace(URL_CREDENTIALS, '$1[redacted]@')
    .replace(BEARER_TOKEN, '$1 [redacted]')
    .replace(JSON_WEB_TOKEN, '[redacted]')
    .replace(EMAIL, '[redacted]');
}
