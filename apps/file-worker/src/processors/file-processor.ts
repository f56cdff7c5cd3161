import type { Readable } from 'node:stream';
import type { Derivative, FileRejectionReason, FileResult } from '@warren/contracts';
import type { Sample } from '../csv/sniff-csv.ts';

/** A stored file whose bytes were all read once, as a processor sees it. */
export interface FileToProcess {
  readonly mediaType: string;
  /** How it begins. */
  readonly sample: Sample;
  /** All bytes from the beginning. May be called again. Read the stream to its end or destroy it. */
  read(): Promise<Readable>;
  /** Lends the file by a path, for libraries that seek. To be read only, until `use` settles. */
  withFile<T>(use: (path: string) => Promise<T>): Promise<T>;
  /**
   * Stores something made of the file under a name that is the same each time, so that doing it again (after a
   * crash, say) leaves one.
   */
  storeDerivative(name: string, mediaType: string, content: Readable): Promise<Derivative>;
}

/** What became known of a file. */
export interface Findings {
  result: FileResult;
  derivatives: Derivative[];
}

/** One kind of files. A new kind is a class of this, in a file of its own, and a line in app.module.ts. */
export interface FileProcessor {
  /** Media types that it is for, each claimed by one processor only. */
  readonly mediaTypes: readonly string[];
  /** @throws FileRejected when the file can't be processed, whatever is tried. */
  process(file: FileToProcess): Promise<Findings>;
}

/** The file is at fault: it is rejected for good, and its owner is told the reason. */
export class FileRejected extends Error {
  override readonly name = 'FileRejected';
  readonly reason: FileRejectionReason;

  /** @param detail what exactly is wrong and where, for whoever looks at the job. */
  constructor(reason: FileRejectionReason, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.reason = reason;
  }
}
