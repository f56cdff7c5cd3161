/** A text of somebody else without the secrets that it may repeat, as they are and as they stand in URLs. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter((secret) => secret !== '')
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .sort((a, b) => b.length - a.length);
  if (forms.length === 0) return text;
  return text.replace(new RegExp(forms.map((form) => RegExp.escape(form)).join('|'), 'giu'), '[redacted]');
}
