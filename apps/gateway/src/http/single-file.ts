import type { Readable } from 'node:stream';
import type { MultipartFile } from '@fastify/multipart';
import { ObjectTooLarge, StorageUnavailable } from '@warren/object-storage';
import type { FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

/** One line of text. */
const FILE_NAME = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u;

/** Enough to see that there is more than one part. The size of the file is limited where it is stored. */
const LIMITS = { files: 2, fields: 1, parts: 3, fieldSize: 1024, headerPairs: 32, fileSize: Infinity };

export interface IncomingFile {
  name: string;
  /** Flows from the network as it is read. */
  content: Readable;
  /** What the content failed with, if it did. (Busboy emits it without destroying the stream.) */
  failure(): Error | undefined;
  /**
   * Call it when the content was read: the form has to end there.
   *
   * @throws Problem
   */
  complete(): Promise<void>;
}

/**
 * Reads the beginning of a multipart/form-data body up to the content of its one file. Never holds the content.
 *
 * @throws Problem
 */
export async function receiveSingleFile(request: FastifyRequest): Promise<IncomingFile> {
  if (!request.isMultipart()) {
    throw new Problem(
      'unsupported-media-type',
      'send the file as multipart/form-data, in a field named "file"',
    );
  }
  const parts = request.parts({ limits: LIMITS });
  const first = await parts.next().catch(refuseForm);
  if (first.done) throw new Problem('malformed-upload', 'the form is empty; send a field named "file"');
  if (first.value.fieldname !== 'file') refuseField(first.value.fieldname);
  if (first.value.type !== 'file') {
    throw new Problem('malformed-upload', 'the field "file" must have a file name');
  }
  const content = first.value.file;
  let failure: Error | undefined;
  content.once('error', (error: Error) => (failure = error));
  return {
    name: nameOf(first.value),
    content,
    failure: () => failure,
    async complete() {
      const next = await parts.next().catch(refuseForm);
      if (!next.done) refuseField(next.value.fieldname);
    },
  };
}

/** What went wrong while the content was read: our storage, the size, or the form around it. */
export function uploadFailure(error: unknown, file: IncomingFile): unknown {
  const isOurs = error instanceof ObjectTooLarge || error instanceof StorageUnavailable;
  return error !== file.failure() || isOurs ? error : brokenForm(error);
}

function nameOf({ filename }: MultipartFile): string {
  const { length: characters } = [...filename]; // counted as file.uploaded counts them
  if (FILE_NAME.test(filename) && characters >= 1 && characters <= 255) return filename;
  throw new Problem(
    'malformed-upload',
    'the file needs a name of 1 to 255 characters without control characters and line breaks',
  );
}

function refuseField(name: string): never {
  throw new Problem(
    'malformed-upload',
    name === 'file'
      ? 'send one file only'
      : `the field ${JSON.stringify(name.slice(0, 100))} is not known here; send a field named "file" and nothing else`,
  );
}

function refuseForm(error: unknown): never {
  throw brokenForm(error);
}

function brokenForm(cause: unknown): Problem {
  return new Problem('malformed-upload', 'the form is broken or ended too early; nothing was stored', {
    cause,
  });
}
