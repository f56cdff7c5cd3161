import { integer, type ServiceConfig } from '@warren/service';
import { str } from 'envalid';

/** What the file-worker reads from the environment beside what every service reads. */
export const environment = {
  WARREN_FILES_DIRECTORY: str({
    desc: 'Directory of the stored files; the gateway needs the same one',
    example: '/var/lib/warren/files',
  }),
  WARREN_MAX_IMAGE_PIXELS: integer({
    min: 1,
    max: 2_000_000_000,
    default: 100_000_000,
    desc: 'Images of more pixels (width × height) are rejected, before they are decoded',
  }),
  WARREN_PROCESSING_CONCURRENCY: integer({
    min: 1,
    max: 64,
    default: 2,
    desc: 'Files processed at the same time by one process',
  }),
};

export type FileWorkerConfig = ServiceConfig<typeof environment>;
