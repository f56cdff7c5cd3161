/** Connection errors of the operating system, as Node names them. */
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

/**
 * SQLSTATE classes that speak of the server and not of the statement: connection exceptions (08), insufficient
 * resources (53: disk, memory, connections), operator intervention (57P), system errors (58).
 *
 * Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const SERVER_AWAY = /^(08...|53...|57P0.|58...)$/;

/** Messages of `pg` for a connection that is gone or does not answer; it gives them no code. */
const CONNECTION_GONE =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Connection ended unexpectedly/i;

/**
 * TypeORM lets go of a connection as soon as it hears that it broke. Whoever is in the middle of a transaction gets
 * one of these from the next statement, and not the error that the connection broke with.
 */
const LET_GO = new Set(['QueryRunnerAlreadyReleasedError', 'QueryRunnerProviderAlreadyReleasedError']);

/** Causes can be circular. */
const DEEPEST_CAUSE = 10;

/** Whether an error says that the database is away, as opposed to refusing what it was asked. */
export function isDatabaseAway(error: unknown, depth = 0): boolean {
  // Not by instanceof: errors of Node's own modules are of another realm where the code runs in a VM context.
  if (typeof error !== 'object' || error === null || depth > DEEPEST_CAUSE) return false;
  const { code, name, message, errors, cause } = error as Partial<AggregateError> & { code?: unknown };
  if (name !== undefined && LET_GO.has(name)) return true;
  if (typeof code === 'string' && (NETWORK.has(code) || SERVER_AWAY.test(code))) return true;
  if (typeof message === 'string' && CONNECTION_GONE.test(message)) return true;
  if (Array.isArray(errors) && errors.some((each) => isDatabaseAway(each, depth + 1))) return true;
  return cause !== undefined && isDatabaseAway(cause, depth + 1);
}
