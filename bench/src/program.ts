import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Call, Methods } from './programs/answer-calls.ts';

export interface ProgramOptions {
  /** File name below `programs/`, without its ending. */
  name: string;
  /** Tells programs of one name apart, in messages and profiles. */
  label?: string;
  /** Lets it collect garbage on demand, for measures of memory. */
  collectsGarbage?: boolean;
}

/** Programs are compiled, because Node does not run decorators as they are. */
const PROGRAMS = new URL('../dist/programs/', import.meta.url);

/**
 * A contender, or a part of one, in a process of its own, so that its CPU time and memory are its own too. It ends
 * with this process, however that ends.
 */
export class Program<M extends Methods> {
  readonly #child: ChildProcess;
  /** With its label. */
  readonly name: string;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #calls = 0;
  #stopping = false;
  #gone = false;

  constructor({ name, label, collectsGarbage = false }: ProgramOptions) {
    this.name = label ? `${name} (${label})` : name;
    this.#child = fork(fileURLToPath(new URL(`${name}.js`, PROGRAMS)), {
      execArgv: collectsGarbage ? ['--expose-gc'] : [],
      env: { ...process.env, NODE_ENV: 'production' },
      serialization: 'advanced',
    });
    this.#child.on('message', (answer: Answer) => this.#answered(answer));
    this.#child.once('error', (error) => this.#ended(error.message));
    this.#child.once('exit', (code, signal) => this.#ended(`it ended with ${signal ?? code}`));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** @throws what the method threw, or when the program ends first */
  call<K extends keyof M & string>(
    method: K,
    argument: Parameters<M[K]>[0],
  ): Promise<Awaited<ReturnType<M[K]>>> {
    return this.#send(method, argument) as Promise<Awaited<ReturnType<M[K]>>>;
  }

  async startProfile(): Promise<void> {
    await this.#send('startProfile', undefined);
  }

  /** Writes what it did since the start, if that was worth a profile. */
  async stopProfile(file: string): Promise<void> {
    await this.#send('stopProfile', { file });
  }

  /** Lets it end by itself, and waits until it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#gone) return;
    const gone = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await gone;
  }

  #send(method: string, argument: unknown): Promise<unknown> {
    if (!this.#child.connected) return Promise.reject(new Error(`${this.name} has ended already`));
    const id = (this.#calls += 1);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.send({ id, method, argument } satisfies Call);
    });
  }

  #ended(how: string): void {
    this.#gone = true;
    const error = new Error(`${this.name}: ${how}; what it said stands above`);
    if (!this.#stopping) for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #answered({ id, result, error }: Answer): void {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(`${this.name}: ${error}`));
  }
}
