import { styleText } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;

/** Tells what happens, with the time since the beginning, and remembers what did not happen. */
export class Narrator {
  private readonly startedAt = performance.now();
  private failures = 0;

  get failed(): number {
    return this.failures;
  }

  chapter(title: string): void {
    process.stdout.write(`\n${paint('bold', title)}\n`);
  }

  happened(text: string): void {
    this.line(paint('green', '✓'), text);
  }

  missing(text: string): void {
    this.failures += 1;
    this.line(paint('red', '✗'), text);
  }

  /** Runs one part of the story; when it fails, it says so, and the story goes on with the next. */
  async part(title: string, tell: () => Promise<void>): Promise<void> {
    this.chapter(title);
    try {
      await tell();
    } catch (error) {
      this.missing((error as Error).message);
    }
  }

  private line(mark: string, text: string): void {
    const seconds = ((performance.now() - this.startedAt) / 1000).toFixed(2).padStart(7);
    process.stdout.write(`${paint('gray', `${seconds} s`)} ${mark} ${text}\n`);
  }
}

/**
 * Looks until `look` returns something.
 *
 * @throws after the timeout, saying what did not happen and, when there is something to say, what was seen last.
 */
export async function awaited<T>(
  what: string,
  look: () => Promise<T | undefined>,
  lastSeen: () => string = () => '',
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      const seen = lastSeen();
      throw new Error(
        `${what} did not happen within ${timeoutMs / 1000} s${seen ? `; last seen: ${seen}` : ''}`,
      );
    }
    await delay(POLL_MS);
  }
}

function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
