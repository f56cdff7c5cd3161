/** Says what is being done. What is passing is drawn over in a terminal, and left out elsewhere. */
export class Progress {
  #standing = false;

  line(text: string): void {
    this.#clear();
    process.stdout.write(`${text}\n`);
  }

  readonly passing = (text: string): void => {
    if (!process.stdout.isTTY) return;
    this.#clear();
    const width = process.stdout.columns || 80;
    process.stdout.write(text.length < width ? text : `${text.slice(0, width - 2)}…`);
    this.#standing = true;
  };

  #clear(): void {
    if (this.#standing) process.stdout.write('\r\u001B[K');
    this.#standing = false;
  }
}
