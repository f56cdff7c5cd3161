import { Module, type DynamicModule } from '@nestjs/common';
import { createLocalObjectStore } from '@warren/object-storage';
import { defineService } from '@warren/service';
import { environment, type FileWorkerConfig } from './config.ts';
import { FileExaminer } from './examine-file.ts';
import { ProcessUploadedFile } from './handlers/process-uploaded-file.ts';
import { ProcessingJobs1767225600000 } from './migrations/1767225600000-processing-jobs.ts';
import { CsvProcessor } from './processors/csv.ts';
import { ImageProcessor } from './processors/image.ts';
import { topologyFor } from './topology.ts';

@Module({})
class FileWorkerModule {
  static configuredBy(config: FileWorkerConfig): DynamicModule {
    const store = createLocalObjectStore(config.WARREN_FILES_DIRECTORY);
    const processors = [
      new ImageProcessor({ maxPixels: config.WARREN_MAX_IMAGE_PIXELS }),
      new CsvProcessor(),
    ];
    return {
      module: FileWorkerModule,
      controllers: [ProcessUploadedFile],
      providers: [{ provide: FileExaminer, useValue: new FileExaminer(store, processors) }],
    };
  }
}

export const fileWorker = defineService({
  name: 'file-worker',
  description: 'Processes uploaded files: checksum, media type, thumbnails, rows',
  defaultPort: 7083,
  topology: topologyFor,
  entities: [],
  migrations: [ProcessingJobs1767225600000],
  environment,
  module: (config) => FileWorkerModule.configuredBy(config),
  readiness: 'consumers',
});
