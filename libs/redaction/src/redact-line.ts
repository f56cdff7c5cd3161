import { parseObject } from './parse-object.ts';
import { redactSecrets } from './redact-secrets.ts';
import { redactText } from './redact-text.ts';
import { isSecretName, REDACTED } from './secret-names.ts';

const MAIL_FIELD = /"([\w-]{0,40}e-?mail[\w-]{0,40})":"(?:[^"\\]|\\.)*"/gi;
const MAIL_FIELD_IN_TEXT = /\\"([\w-]{0,40}e-?mail[\w-]{0,40})\\":\s{0,9}\\"(?:[^"\\]|\\\\.)*\\"/gi;
const MAIL_ADDRESS = /[\w.%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,4}\.[a-z]{2,24}\b/gi;

/**
 * Takes secrets and mail addresses out of one line of a log, which is JSON and is JSON still. It works on the finished
 * line, so that it also reaches error messages and whatever nests deeper than a list of paths would.
 */
export function redactLine(line: string): string {
  return withoutSecretFields(line)
    .replace(MAIL_FIELD, `"$1":"${REDACTED}"`)
    .replace(MAIL_FIELD_IN_TEXT, String.raw`\"$1\":\"${REDACTED}\"`)
    .replace(MAIL_ADDRESS, REDACTED);
}

/** Most lines name no secret, and are not parsed. */
function withoutSecretFields(line: string): string {
  const value = isSecretName(line) ? parseObject(line) : undefined;
  if (value === undefined) return redactText(line);
  return JSON.stringify(value, redactSecrets) + (line.endsWith('\n') ? '\n' : '');
}
