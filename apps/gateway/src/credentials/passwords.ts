import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';

/** The library's `Algorithm.Argon2id`, a const enum, which modules that are compiled one by one can't import. */
const ARGON2ID = 2;

/** Source: OWASP Password Storage Cheat Sheet, Argon2id with 19 MiB of memory. About 20 ms on one core. */
const PARAMETERS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** The same password can arrive as different code points from different keyboards (NIST SP 800-63B, 5.1.1.2). */
const normalized = (password: string): string => password.normalize('NFKC');

/** Hash to store, in the PHC string format. */
export function hashPassword(password: string): Promise<string> {
  return hash(normalized(password), PARAMETERS);
}

let nobodysHash: Promise<string> | undefined;

/**
 * Whether the password is the one that was hashed. Without a hash the answer is no and takes as long, so that a
 * caller can't find out by the clock which addresses have an account.
 */
export async function passwordMatches(password: string, stored: string | undefined): Promise<boolean> {
  // Waited for in any case: the first call takes as long with a hash as without.
  const dummy = await (nobodysHash ??= hashPassword(randomBytes(16).toString('hex')));
  const matches = await verify(stored ?? dummy, normalized(password));
  return stored !== undefined && matches;
}
