/** What the commands for operators end with. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** A redrive stopped by itself; the broker differs from the plan; a contract differs from what was released. */
  attention: 2,
  /** Nobody said yes. */
  notConfirmed: 3,
  usage: 64,
  interrupted: 130,
} as const;

/** The command was called in a way that can't work; the message says how to call it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Node's own errors about arguments, and ours. */
export function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS_');
}
