import { runService } from '@warren/service';
import { fileWorker } from './app.module.ts';

await runService(fileWorker);
