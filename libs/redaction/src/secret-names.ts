/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

const WORDS =
  'passwords?|passwd|passphrase|secret|token|authorization|cookie|credential|api[-_]?key|private[-_]?key';

/** Part of a regular expression: the name of a field that holds a secret, as it stands in texts. Bounded in length. */
export const SECRET_NAME = String.raw`[\w.-]{0,40}(?:${WORDS})[\w.-]{0,40}`;

const SECRET_WORD = new RegExp(WORDS, 'i');

/** Whether a field of this name is never shown: passwords, tokens, keys, cookies, whatever stands before or behind the word. */
export function isSecretName(name: string): boolean {
  return SECRET_WORD.test(name);
}
