import { createInterface } from 'node:readline/promises';

/**
 * Asks on the terminal, and takes nothing but a plain yes for one.
 *
 * @returns undefined where there is nobody to ask
 */
export async function confirm(question: string, signal?: AbortSignal): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `, signal ? { signal } : {});
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if ((error as Error).name === 'AbortError') return false;
    throw error;
  } finally {
    terminal.close();
  }
}
