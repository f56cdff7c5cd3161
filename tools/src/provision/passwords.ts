import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The password of an account by its name; the same one each time that it is asked for. */
export type Passwords = (account: string) => string;

/** Kept in a file that only its owner can read, so that accounts keep their passwords from one start to the next. */
export function passwordsIn(file: string): Passwords {
  const known = readPasswords(file);
  return remembering(known, () => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, `${JSON.stringify(known, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  });
}

/** Forgotten with the process, for systems that are thrown away. */
export function passwordsInMemory(): Passwords {
  return remembering({}, () => undefined);
}

function remembering(known: Record<string, string>, save: () => void): Passwords {
  return (account) => {
    const existing = known[account];
    if (existing !== undefined) return existing;
    const password = randomBytes(18).toString('base64url');
    known[account] = password;
    save();
    return password;
  };
}

function readPasswords(file: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch (error) {
    throw new Error(`${file} is damaged. \`npm run reset\` wipes the local data and starts anew.`, {
      cause: error,
    });
  }
}
