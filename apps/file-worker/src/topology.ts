import { FileProcessedV1, FileRejectedV1, FileUploadedV1 } from '@warren/contracts';
import { defineTopology, type Topology } from '@warren/messaging';
import type { FileWorkerConfig } from './config.ts';

// The exchange files.events is the gateway's; this service binds to it and writes to it.
export const topologyFor = ({ WARREN_PROCESSING_CONCURRENCY }: FileWorkerConfig): Topology =>
  defineTopology({
    service: 'file-worker',
    publishes: [FileProcessedV1, FileRejectedV1],
    consumes: [
      {
        queue: 'jobs',
        handles: [FileUploadedV1],
        concurrency: WARREN_PROCESSING_CONCURRENCY,
        // None in reserve: a job is long, and one in the hands of a busy worker is one that an idle worker can't take.
        prefetch: WARREN_PROCESSING_CONCURRENCY,
        retryDelays: ['5s', '30s', '5m', '30m'],
      },
    ],
  });
