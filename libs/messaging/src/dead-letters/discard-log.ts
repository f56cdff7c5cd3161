import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DeadLetter } from './dead-letter.ts';

/** One line of the log: all that the broker had of the message but its secrets. */
function lineOf(letter: DeadLetter, at: string): string {
  const { fields } = letter.message;
  const { properties, headers, body, redacted } = letter.shown;
  return `${JSON.stringify({
    discardedAt: at,
    queue: letter.queue,
    deadLetterQueue: letter.deadLetterQueue,
    id: letter.id,
    type: letter.type,
    reason: letter.reason,
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    properties: { ...properties, headers },
    ...(redacted && { redacted }),
    ...(body.kind === 'bytes' ? { bodyBase64: body.bytes.toString('base64') } : { body: body.text }),
  })}\n`;
}

/** Keeps what is discarded, a line of JSON each. For the owner of the file alone: messages hold people's data. */
export class DiscardLog {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens the file to write at its end, and makes it and its directory when they are not there. */
  static async open(path: string): Promise<DiscardLog> {
    await mkdir(dirname(path), { recursive: true });
    const { O_APPEND, O_CREAT, O_WRONLY } = constants;
    const file = await open(path, O_APPEND | O_CREAT | O_WRONLY, 0o600);
    try {
      const directory = await open(dirname(path), 'r');
      try {
        await directory.sync(); // the name of the file is on the disk, too
      } finally {
        await directory.close();
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    return new DiscardLog(file);
  }

  /** Resolves when the letters are on the disk. */
  async append(letters: readonly DeadLetter[]): Promise<void> {
    const at = new Date().toISOString();
    await this.#file.appendFile(letters.map((letter) => lineOf(letter, at)).join(''));
    await this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
