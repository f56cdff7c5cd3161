/** Often enough to see that something moves. */
const TERMINAL_EVERY_MS = 200;
/** Seldom enough not to fill a log. */
const LOG_EVERY_MS = 10_000;

/** How far something is: one line that is drawn over on a terminal, a line now and then elsewhere. On standard error. */
export class Progress {
  #shownAt = Date.now();
  #isOpen = false;

  show(line: () => string): void {
    const isTerminal = process.stderr.isTTY;
    const now = Date.now();
    if (now - this.#shownAt < (isTerminal ? TERMINAL_EVERY_MS : LOG_EVERY_MS)) return;
    this.#shownAt = now;
    process.stderr.write(isTerminal ? `\r\u001B[K${line()}` : `${line()}\n`);
    this.#isOpen = isTerminal;
  }

  /** A line that stays. */
  tell(line: string): void {
    this.clear();
    process.stderr.write(`${line}\n`);
  }

  clear(): void {
    if (this.#isOpen) process.stderr.write('\r\u001B[K');
    this.#isOpen = false;
  }
}
