import { parseObject } from './parse-object.ts';
import { redactText } from './redact-text.ts';
import { isSecretName, REDACTED } from './secret-names.ts';

/**
 * For the second argument of `JSON.stringify`: leaves out what fields hold whose name says that it is secret, at any depth,
 * and the secrets inside of texts, also of texts that are JSON themselves.
 */
export function redactSecrets(name: string, value: unknown): unknown {
  const isNothing = value === null || value === undefined || typeof value === 'boolean' || value === '';
  if (isSecretName(name) && !isNothing) return REDACTED;
  if (typeof value !== 'string') return value;
  const nested = parseObject(value);
  if (nested === undefined) return redactText(value);
  const redacted = JSON.stringify(nested, redactSecrets);
  return redacted === JSON.stringify(nested) ? redactText(value) : redacted;
}
