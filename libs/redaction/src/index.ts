export { redactBody, type RedactedBody } from './redact-body.ts';
export { redactLine } from './redact-line.ts';
export { redactText } from './redact-text.ts';
export { redactSecrets } from './redact-secrets.ts';
export { isSecretName, REDACTED } from './secret-names.ts';
export { secretsIn } from './secrets-in.ts';
export { withoutSecrets } from './without-secrets.ts';
