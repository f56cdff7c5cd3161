import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { ObjectNotFound, objectKey, type ObjectStore } from '@warren/object-storage';
import type { Derivative } from '@warren/contracts';
import type { Sample } from './csv/sniff-csv.ts';
import { detectMediaType, SAMPLE_BYTES } from './media-type/detect-media-type.ts';
import {
  FileRejected,
  type FileProcessor,
  type FileToProcess,
  type Findings,
} from './processors/file-processor.ts';

/** What the event says of the file. */
export interface StoredFile {
  fileId: string;
  objectKey: string;
  /** In bytes. */
  size: number;
}

/** What every file has, whatever its kind. */
export interface Content {
  /** Of all bytes, in lower-case hexadecimal. */
  sha256: string;
  mediaType: string;
}

export type Examination =
  | ({ accepted: true } & Content & Findings)
  | ({ accepted: false; rejection: FileRejected } & Partial<Content>);

/**
 * Reads a stored file and finds out what it is. Memory does not grow with the size of the file. Doing it again
 * comes to the same result and leaves the same derivatives.
 */
export class FileExaminer {
  readonly #store: ObjectStore;
  readonly #processors = new Map<string, FileProcessor>();

  constructor(store: ObjectStore, processors: readonly FileProcessor[]) {
    this.#store = store;
    for (const processor of processors) {
      for (const mediaType of processor.mediaTypes) {
        const other = this.#processors.get(mediaType);
        if (other) {
          throw new TypeError(
            `${mediaType} is claimed by ${other.constructor.name} and ${processor.constructor.name}: ` +
              'remove it from one of them',
          );
        }
        this.#processors.set(mediaType, processor);
      }
    }
  }

  /** @throws StorageUnavailable, InvalidObjectKey */
  async examine(file: StoredFile): Promise<Examination> {
    let content: Content | undefined;
    try {
      const { sample, ...read } = await this.#read(file);
      content = read;
      const processor = this.#processors.get(content.mediaType);
      const findings = await processor?.process(this.#toProcess(file, content.mediaType, sample));
      return { accepted: true, ...content, ...(findings ?? { result: {}, derivatives: [] }) };
    } catch (error) {
      // A decoder that is given a path can't tell a broken file from a broken disk. This tells.
      if (error instanceof FileRejected && content) await this.#store.stat(file.objectKey);
      const rejection =
        error instanceof ObjectNotFound
          ? new FileRejected('content-missing', error.message, { cause: error })
          : error;
      if (rejection instanceof FileRejected) return { accepted: false, rejection, ...content };
      throw error;
    }
  }

  /** Goes through all bytes once. */
  async #read(file: StoredFile): Promise<Content & { sample: Sample }> {
    const { stream, size } = await this.#store.get(file.objectKey);
    if (size !== file.size) {
      stream.destroy();
      throw new FileRejected('size-mismatch', `${size} bytes are stored, ${file.size} were uploaded`);
    }
    const hash = createHash('sha256');
    const head: Buffer[] = [];
    let missing = Math.min(size, SAMPLE_BYTES);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (missing > 0) head.push(chunk.subarray(0, missing));
      missing -= Math.min(missing, chunk.length);
    }
    const sample = { bytes: Buffer.concat(head), complete: size <= SAMPLE_BYTES };
    const mediaType = await detectMediaType(sample, (use) => this.#store.withFile(file.objectKey, use));
    return { sha256: hash.digest('hex'), mediaType, sample };
  }

  #toProcess({ fileId, objectKey: key }: StoredFile, mediaType: string, sample: Sample): FileToProcess {
    const store = this.#store;
    return {
      mediaType,
      sample,
      read: async (): Promise<Readable> => (await store.get(key)).stream,
      withFile: (use) => store.withFile(key, use),
      async storeDerivative(name, derivativeType, bytes): Promise<Derivative> {
        const derivativeKey = objectKey(fileId, name);
        const { size } = await store.put(derivativeKey, bytes);
        return { name, mediaType: derivativeType, size, objectKey: derivativeKey };
      },
    };
  }
}
