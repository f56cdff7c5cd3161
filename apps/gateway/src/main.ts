import { runService } from '@warren/service';
import { gateway } from './app.module.ts';

await runService(gateway);
