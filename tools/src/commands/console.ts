import { createWriteStream, mkdirSync, renameSync, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters, styleText } from 'node:util';
import { SERVICES } from '../provision/rights.ts';
import { PAYMENT_SANDBOX } from '../system/payment-sandbox.ts';

type Color = 'cyan' | 'green' | 'yellow' | 'magenta' | 'blue' | 'gray';

const COLORS: Record<string, Color> = {
  gateway: 'cyan',
  'order-service': 'green',
  'email-service': 'magenta',
  'file-worker': 'yellow',
  [PAYMENT_SANDBOX]: 'gray',
  warren: 'blue',
};
/** Where progress cannot be drawn over, it is written this often. */
const PROGRESS_PAUSE_MS = 5_000;
const WIDTH = Math.max(...[...SERVICES, PAYMENT_SANDBOX, 'warren'].map((name) => name.length));

/** Colors are left out where the output is no terminal, or NO_COLOR is set. */
export function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/**
 * Writes the lines of several programs to one terminal so that they can be told apart, and each program's lines
 * to a file of its own. The files of the run before are kept as `<name>.previous.log`.
 */
export class Console {
  private readonly files = new Map<string, WriteStream>();
  private readonly directory: string;
  /** The step whose progress stands, unfinished, on the last line of the terminal. */
  private openStep: string | undefined;
  private shownAt = 0;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  line(program: string, text: string): void {
    this.closeStep();
    process.stdout.write(`${prefix(program)}${text}\n`);
    this.file(program).write(`${stripVTControlCharacters(text)}\n`);
  }

  /** What Warren itself says. Progress within a step, "what: how far", is drawn over in a terminal. */
  readonly report = (message: string): void => {
    const colon = message.indexOf(': ');
    const step = /: \d/.test(message) ? message.slice(0, colon) : undefined;
    const isSameStep = step !== undefined && step === this.openStep;
    if (process.stdout.isTTY && step !== undefined) {
      if (!isSameStep) this.closeStep();
      this.openStep = step;
      process.stdout.write(`\r\u001B[K${prefix('warren')}${message}`);
      return;
    }
    if (isSameStep && performance.now() - this.shownAt < PROGRESS_PAUSE_MS) return;
    this.closeStep();
    this.openStep = step;
    this.shownAt = performance.now();
    this.write(message);
  };

  /** Text without a prefix. */
  print(text: string): void {
    this.closeStep();
    process.stdout.write(`${text}\n`);
  }

  private write(message: string): void {
    for (const text of message.split('\n')) process.stdout.write(`${prefix('warren')}${text}\n`);
    this.file('warren').write(`${new Date().toISOString()} ${message}\n`);
  }

  private closeStep(): void {
    if (this.openStep !== undefined && process.stdout.isTTY) process.stdout.write('\n');
    this.openStep = undefined;
  }

  private file(program: string): WriteStream {
    const existing = this.files.get(program);
    if (existing) return existing;
    const path = join(this.directory, `${program}.log`);
    const previous = join(this.directory, `${program}.previous.log`);
    rmSync(previous, { force: true });
    try {
      renameSync(path, previous);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const stream = createWriteStream(path, { mode: 0o600 });
    this.files.set(program, stream);
    return stream;
  }
}

function prefix(program: string): string {
  return paint(COLORS[program] ?? 'gray', `${program.padEnd(WIDTH)} │ `);
}
