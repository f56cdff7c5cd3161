import { redactText, secretsIn, withoutSecrets } from '@warren/redaction';

/**
 * An error as it may go to headers and logs: without the secrets that can be told by where they stand, and without what
 * the messages hold in fields whose name says that it is secret. The same error where it quotes none of that.
 */
export function discreetError(error: Error, ...bodies: readonly Uint8Array[]): Error {
  const secrets = bodies.flatMap((body) => secretsIn(body));
  const discreet = (text: string) => withoutSecrets(redactText(text), secrets);
  const message = discreet(error.message);
  const stack = error.stack && discreet(error.stack);
  if (message === error.message && stack === error.stack) return error;
  const told = new Error(message);
  told.name = error.name;
  if (stack === undefined) delete told.stack;
  else told.stack = stack;
  return told;
}
